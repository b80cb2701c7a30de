// Load balancer and target group attributes: which there are, their defaults and which of them can be changed here.
import { invalidConfiguration, notImplemented, validationError } from "./errors.ts";

interface AttributeRule {
  readonly initial: string;
  /** What it may become; undefined: Estiba knows only the default. */
  readonly accepts?: (value: string) => boolean;
}

type AttributeRules = Readonly<Record<string, AttributeRule>>;

const fixed = (initial: string): AttributeRule => ({ initial });
const flag = (initial: "true" | "false"): AttributeRule => ({
  initial,
  accepts: (value) => value === "true" || value === "false",
});
const whole = (initial: number, minimum: number, maximum: number, or?: number): AttributeRule => ({
  initial: String(initial),
  accepts: (value) =>
    /^\d{1,7}$/.test(value) &&
    (Number(value) === or || (Number(value) >= minimum && Number(value) <= maximum)),
});
const choice = (initial: string, ...others: string[]): AttributeRule => ({
  initial,
  accepts: (value) => value === initial || others.includes(value),
});

/** ELBv2 API reference, LoadBalancerAttribute: those of Application Load Balancers. */
export const loadBalancerAttributes: AttributeRules = {
  "access_logs.s3.enabled": fixed("false"),
  "access_logs.s3.bucket": fixed(""),
  "access_logs.s3.prefix": fixed(""),
  "client_keep_alive.seconds": fixed("3600"),
  "connection_logs.s3.enabled": fixed("false"),
  "connection_logs.s3.bucket": fixed(""),
  "connection_logs.s3.prefix": fixed(""),
  "deletion_protection.enabled": flag("false"),
  "health_check_logs.s3.enabled": fixed("false"),
  "health_check_logs.s3.bucket": fixed(""),
  "health_check_logs.s3.prefix": fixed(""),
  "idle_timeout.timeout_seconds": whole(60, 1, 4000),
  "ipv6.deny_all_igw_traffic": fixed("false"),
  "load_balancing.cross_zone.enabled": fixed("true"),
  "routing.http.desync_mitigation_mode": fixed("defensive"),
  "routing.http.drop_invalid_header_fields.enabled": fixed("false"),
  "routing.http.preserve_host_header.enabled": fixed("false"),
  "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": fixed("false"),
  "routing.http.xff_client_port.enabled": fixed("false"),
  "routing.http.xff_header_processing.mode": fixed("append"),
  "routing.http2.enabled": fixed("true"),
  "waf.fail_open.enabled": fixed("false"),
  "zonal_shift.config.enabled": fixed("false"),
};

/** ELBv2 API reference, TargetGroupAttribute: those of instance and ip targets behind an Application Load Balancer. */
export const targetGroupAttributes: AttributeRules = {
  "deregistration_delay.timeout_seconds": whole(300, 0, 3600),
  "load_balancing.algorithm.anomaly_mitigation": fixed("off"),
  "load_balancing.algorithm.type": choice("round_robin", "least_outstanding_requests"),
  "load_balancing.cross_zone.enabled": fixed("use_load_balancer_configuration"),
  "slow_start.duration_seconds": whole(0, 30, 900, 0),
  "stickiness.app_cookie.cookie_name": fixed(""),
  "stickiness.app_cookie.duration_seconds": fixed("86400"),
  "stickiness.enabled": flag("false"),
  "stickiness.lb_cookie.duration_seconds": whole(86400, 1, 604_800),
  "stickiness.type": choice("lb_cookie"),
  "target_group_health.dns_failover.minimum_healthy_targets.count": fixed("1"),
  "target_group_health.dns_failover.minimum_healthy_targets.percentage": fixed("off"),
  "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": fixed("1"),
  "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": fixed("off"),
};

export type Attributes = Readonly<Record<string, string>>;

export const defaultsOf = (rules: AttributeRules): Attributes =>
  Object.fromEntries(Object.entries(rules).map(([key, rule]) => [key, rule.initial]));

/**
 * The attributes after a change.
 * @throws ValidationError for unknown or repeated keys and bad values, InvalidConfigurationRequest for what is not implemented
 */
export function changeAttributes(
  what: "Load balancer" | "Target group",
  rules: AttributeRules,
  before: Attributes,
  given: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[],
): Attributes {
  const after: Record<string, string> = { ...before };
  const seen = new Set<string>();
  for (const { Key: key = "", Value: value = "" } of given) {
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule === undefined) throw validationError(`${what} attribute key '${key}' is not recognized`);
    if (seen.has(key)) throw validationError(`${what} attribute key '${key}' is specified more than once`);
    seen.add(key);
    if (rule.accepts === undefined && value !== rule.initial)
      throw notImplemented(`${what} attribute '${key}' with the value '${value}'`);
    if (rule.accepts?.(value) === false)
      throw validationError(`${what} attribute value '${value}' is not valid for the key '${key}'`);
    after[key] = value;
  }
  if (
    after["load_balancing.algorithm.type"] === "least_outstanding_requests" &&
    after["slow_start.duration_seconds"] !== "0"
  )
    throw invalidConfiguration(
      "You cannot enable both slow start and least outstanding requests on a target group",
    );
  return after;
}

export const showAttributes = (attributes: Attributes): { Key: string; Value: string }[] =>
  Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));
