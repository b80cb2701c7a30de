// A listener's default action: what may be asked, and what is kept of it.
import type {
  Action,
  ForwardActionConfig,
  RedirectActionConfig,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { ServiceError } from "#lib/errors.ts";
import type { ListenerActionRow, LoadBalancerRow } from "#domain/elbv2/load-balancer.ts";
import type { Reader } from "#store/store.ts";
import { inRange, lengthWithin, matching, oneOf } from "./constraints.ts";
import { invalidConfiguration, notImplemented, validationError } from "./errors.ts";
import { loadBalancersInFront, targetGroupOf } from "./lookup.ts";

const MOST_WEIGHTED_GROUPS = 5;
const contentTypes = [
  "text/plain",
  "text/css",
  "text/html",
  "application/javascript",
  "application/json",
] as const;

const invalidAction = (message: string) => new ServiceError("InvalidLoadBalancerAction", message);

/** @throws ValidationError, InvalidLoadBalancerAction, TargetGroupNotFound, TargetGroupAssociationLimit, InvalidConfigurationRequest */
export function readDefaultActions(
  reader: Reader,
  loadBalancer: LoadBalancerRow,
  given: readonly Action[] | undefined,
): ListenerActionRow {
  const [action, ...more] = given ?? [];
  if (action === undefined) throw validationError("A listener must have at least one default action");
  if (more.length > 0) {
    if ([action, ...more].some((a) => a.Type?.startsWith("authenticate") || a.Type === "jwt-validation"))
      throw notImplemented("An authentication action", "InvalidLoadBalancerAction");
    throw invalidAction(
      "Only one of forward, redirect and fixed-response can be a listener's default action",
    );
  }
  switch (action.Type) {
    case "forward":
      return readForward(reader, loadBalancer, action);
    case "fixed-response":
      return readFixedResponse(action);
    case "redirect":
      return readRedirect(action.RedirectConfig);
    default:
      throw notImplemented(`Action type '${action.Type}'`, "InvalidLoadBalancerAction");
  }
}

function readForward(reader: Reader, loadBalancer: LoadBalancerRow, action: Action): ListenerActionRow {
  const groups = weightedGroups(action.TargetGroupArn, action.ForwardConfig);
  for (const { arn } of groups) {
    const group = targetGroupOf(reader, loadBalancer.region, arn);
    if (group.vpcId !== loadBalancer.vpcId) {
      throw invalidConfiguration(
        `The target group '${arn}' and the load balancer '${loadBalancer.arn}' are not in the same VPC`,
      );
    }
    if (group.protocol !== "HTTP") {
      throw new ServiceError(
        "IncompatibleProtocols",
        `The protocol '${group.protocol}' of the target group '${arn}' is not valid for an application load balancer`,
      );
    }
    if (loadBalancersInFront(reader, arn).some((other) => other !== loadBalancer.arn)) {
      throw new ServiceError(
        "TargetGroupAssociationLimit",
        `The following target groups cannot be associated with more than one load balancer: ${arn}`,
      );
    }
  }
  return { type: "forward", targetGroups: groups };
}

function weightedGroups(
  single: string | undefined,
  config: ForwardActionConfig | undefined,
): readonly { arn: string; weight: number }[] {
  if (config?.TargetGroupStickinessConfig?.Enabled === true)
    throw notImplemented("ForwardConfig.TargetGroupStickinessConfig");
  const tuples = config?.TargetGroups ?? [];
  if (
    single !== undefined &&
    tuples.length > 0 &&
    (tuples.length > 1 || tuples[0]?.TargetGroupArn !== single)
  )
    throw validationError("You can specify either a target group ARN or a list of target groups, not both");
  if (tuples.length === 0) {
    if (single === undefined) throw validationError("A target group ARN must be specified");
    return [{ arn: single, weight: 1 }];
  }
  if (tuples.length > MOST_WEIGHTED_GROUPS)
    throw invalidAction(`A forward action cannot have more than ${MOST_WEIGHTED_GROUPS} target groups`);
  const arns = tuples.map((t) => t.TargetGroupArn ?? "");
  if (new Set(arns).size < arns.length)
    throw validationError("Target groups must be unique in a forward action");
  return tuples.map((t) => ({
    arn: t.TargetGroupArn ?? "",
    weight: inRange(t.Weight ?? 1, "forwardConfig.targetGroups.member.weight", 0, 999),
  }));
}

function readFixedResponse({ FixedResponseConfig: config }: Action): ListenerActionRow {
  if (config === undefined) throw validationError("A fixed response configuration must be specified");
  return {
    type: "fixed-response",
    statusCode: matching(config.StatusCode ?? "", "fixedResponseConfig.statusCode", /^(2|4|5)\d\d$/),
    contentType: oneOf(config.ContentType ?? "text/plain", "fixedResponseConfig.contentType", contentTypes),
    messageBody: lengthWithin(config.MessageBody ?? "", "fixedResponseConfig.messageBody", 0, 1024),
  };
}

function readRedirect(config: RedirectActionConfig | undefined): ListenerActionRow {
  if (config === undefined) throw validationError("A redirect configuration must be specified");
  const {
    Protocol: protocol = "#{protocol}",
    Host: host = "#{host}",
    Port: port = "#{port}",
    Path: path = "/#{path}",
    Query: query = "#{query}",
  } = config;
  matching(protocol, "redirectConfig.protocol", /^(HTTPS?|#\{protocol\})$/);
  matching(port, "redirectConfig.port", /^(\d{1,5}|#\{port\})$/);
  if (port !== "#{port}") inRange(Number(port), "redirectConfig.port", 1, 65_535);
  lengthWithin(host, "redirectConfig.host", 1, 128);
  lengthWithin(path, "redirectConfig.path", 1, 128);
  matching(path, "redirectConfig.path", /^\//);
  lengthWithin(query, "redirectConfig.query", 0, 128);
  if (protocol === "#{protocol}" && host === "#{host}" && port === "#{port}" && path === "/#{path}")
    throw invalidAction("The redirect configuration is not valid because it creates a loop");
  const statusCode = oneOf(config.StatusCode ?? "", "redirectConfig.statusCode", ["HTTP_301", "HTTP_302"]);
  return { type: "redirect", statusCode, protocol, host, port, path, query };
}
