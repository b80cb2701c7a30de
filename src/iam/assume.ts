// Whether a role's trust policy lets a service of AWS assume it (IAM User Guide, "Cross-service confused deputy prevention").
import { contextOf, evaluate } from "./evaluate.ts";
import { parsePolicy } from "./parse.ts";

export interface ServiceAssumption {
  /** `ecs-tasks.amazonaws.com` */
  readonly service: string;
  /** For whom the service acts, where it tells. */
  readonly sourceAccount?: string;
  readonly sourceArn?: string;
}

/** False for a policy that cannot be read. */
export function serviceMayAssume(
  trustPolicy: string,
  { service, sourceAccount, sourceArn }: ServiceAssumption,
): boolean {
  try {
    const resource = [parsePolicy(trustPolicy, "trust")];
    return evaluate(
      { identity: [], resource },
      {
        principal: { type: "Service", name: service },
        action: "sts:AssumeRole",
        resources: [{ arn: "*" }],
        context: contextOf({ "aws:SourceAccount": sourceAccount, "aws:SourceArn": sourceArn }),
      },
    ).allowed;
  } catch {
    return false;
  }
}
