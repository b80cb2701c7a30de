// A target group's health check settings: defaults, limits, and how they hang together (API reference, CreateTargetGroup).
import type {
  CreateTargetGroupInput,
  ModifyTargetGroupInput,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type { HealthCheckSettings } from "#domain/elbv2/load-balancer.ts";
import { inRange, lengthWithin } from "./constraints.ts";
import { notImplemented, validationError } from "./errors.ts";

type Given = Pick<
  CreateTargetGroupInput & ModifyTargetGroupInput,
  | "HealthCheckProtocol"
  | "HealthCheckPort"
  | "HealthCheckEnabled"
  | "HealthCheckPath"
  | "HealthCheckIntervalSeconds"
  | "HealthCheckTimeoutSeconds"
  | "HealthyThresholdCount"
  | "UnhealthyThresholdCount"
  | "Matcher"
>;

export const defaultHealthCheck: HealthCheckSettings = {
  enabled: true,
  protocol: "HTTP",
  port: "traffic-port",
  path: "/",
  intervalSeconds: 30,
  timeoutSeconds: 5,
  healthyThresholdCount: 5,
  unhealthyThresholdCount: 2,
  matcher: "200",
};

/** `before` with what was given. @throws ValidationError, InvalidConfigurationRequest */
export function changeHealthCheck(before: HealthCheckSettings, given: Given): HealthCheckSettings {
  if (given.HealthCheckEnabled === false)
    throw validationError(
      "Health checks cannot be disabled for target groups with target type 'instance' or 'ip'",
    );
  if (given.HealthCheckProtocol === "HTTPS") throw notImplemented("HealthCheckProtocol 'HTTPS'");
  if (given.HealthCheckProtocol !== undefined && given.HealthCheckProtocol !== "HTTP")
    throw validationError(
      `Health check protocol '${given.HealthCheckProtocol}' is not supported for target groups with the protocol 'HTTP'`,
    );
  if (given.Matcher?.GrpcCode !== undefined) throw notImplemented("Matcher.GrpcCode");
  const whole = (value: number | undefined, initial: number, member: string, low: number, high: number) =>
    value === undefined ? initial : inRange(value, member, low, high);
  const after: HealthCheckSettings = {
    enabled: true,
    protocol: "HTTP",
    port: checkPort(given.HealthCheckPort ?? before.port),
    path: checkPath(given.HealthCheckPath ?? before.path),
    intervalSeconds: whole(
      given.HealthCheckIntervalSeconds,
      before.intervalSeconds,
      "healthCheckIntervalSeconds",
      5,
      300,
    ),
    timeoutSeconds: whole(
      given.HealthCheckTimeoutSeconds,
      before.timeoutSeconds,
      "healthCheckTimeoutSeconds",
      2,
      120,
    ),
    healthyThresholdCount: whole(
      given.HealthyThresholdCount,
      before.healthyThresholdCount,
      "healthyThresholdCount",
      2,
      10,
    ),
    unhealthyThresholdCount: whole(
      given.UnhealthyThresholdCount,
      before.unhealthyThresholdCount,
      "unhealthyThresholdCount",
      2,
      10,
    ),
    matcher: checkMatcher(given.Matcher?.HttpCode ?? before.matcher),
  };
  if (after.timeoutSeconds >= after.intervalSeconds) {
    throw validationError(
      `Health check timeout '${after.timeoutSeconds}' must be smaller than the interval '${after.intervalSeconds}'`,
    );
  }
  return after;
}

function checkPort(port: string): string {
  if (port === "traffic-port") return port;
  if (!/^\d{1,5}$/.test(port)) throw validationError(`Health check port '${port}' is not valid`);
  return String(inRange(Number(port), "healthCheckPort", 1, 65_535));
}

function checkPath(path: string): string {
  lengthWithin(path, "healthCheckPath", 1, 1024);
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw validationError(`Health check path '${path}' must begin with a '/' character and hold no spaces`);
  return path;
}

/** Values 200 to 499, single, listed or as a range. */
function checkMatcher(codes: string): string {
  const valid = codes.split(",").every((part) => {
    const [first, last = first, ...more] = part.split("-");
    const known = [first, last].every((code) => /^[2-4]\d\d$/.test(code ?? ""));
    return known && more.length === 0 && Number(first) <= Number(last);
  });
  if (!valid)
    throw validationError(
      `Health check matcher HTTP code '${codes}' must be within '200-499' for application load balancers`,
    );
  return codes;
}
