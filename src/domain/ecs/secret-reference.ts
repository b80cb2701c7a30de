// What a container's secret or log option names (`valueFrom`): a parameter of Systems Manager, by name or ARN, or a secret of
// Secrets Manager by ARN, with a JSON key, a version stage and a version id. Pure.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
import { parseArn } from "#lib/arn.ts";

export type SecretReference =
  /** A name needs no region: it is the task's. */
  | { readonly provider: "ssm"; readonly region?: string; readonly account?: string; readonly name: string }
  | {
      readonly provider: "asm";
      readonly region: string;
      /** The secret's ARN alone. */
      readonly secretId: string;
      readonly jsonKey?: string;
      readonly versionStage?: string;
      readonly versionId?: string;
    };

const PARAMETER = /^[A-Za-z0-9_.\-/]{1,2048}$/;
const REGION = /^[a-z]{2}(-[a-z]+)+-\d+$/;

/** Undefined when the text names neither. */
export function parseSecretReference(valueFrom: string): SecretReference | undefined {
  if (!valueFrom.startsWith("arn:"))
    return PARAMETER.test(valueFrom) ? { provider: "ssm", name: valueFrom } : undefined;
  const arn = parseArn(valueFrom);
  if (arn === undefined || !REGION.test(arn.region) || !/^\d{12}$/.test(arn.account)) return undefined;
  if (arn.service === "ssm") return parameterOf(arn.region, arn.account, arn.resource);
  return arn.service === "secretsmanager" ? secretOf(valueFrom, arn.region, arn.resource) : undefined;
}

/** The ARN of a hierarchy's parameter leaves its name's first slash out. */
function parameterOf(region: string, account: string, resource: string): SecretReference | undefined {
  const path = /^parameter\/(.+)$/.exec(resource)?.[1];
  if (path === undefined || !PARAMETER.test(path) || path.startsWith("/")) return undefined;
  return { provider: "ssm", region, account, name: path.includes("/") ? `/${path}` : path };
}

/** Either the ARN alone or with exactly three further parts, each of which may be empty. */
function secretOf(valueFrom: string, region: string, resource: string): SecretReference | undefined {
  const [kind, id = "", ...more] = resource.split(":");
  if (kind !== "secret" || id === "" || (more.length !== 0 && more.length !== 3)) return undefined;
  const [jsonKey = "", versionStage = "", versionId = ""] = more;
  return {
    provider: "asm",
    region,
    secretId: valueFrom.split(":").slice(0, 7).join(":"),
    ...(jsonKey === "" ? {} : { jsonKey }),
    ...(versionStage === "" ? {} : { versionStage }),
    ...(versionId === "" ? {} : { versionId }),
  };
}
