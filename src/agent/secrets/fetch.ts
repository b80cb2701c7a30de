// The values of a task's secrets, from Systems Manager and Secrets Manager, asked as the stock agent asks: parameters in batches
// by region, each secret on its own (agent protocol, "Secrets"). A value that is not there is a failure, never an empty text.
import type { WireSecret } from "#acs/messages.ts";
import { failureText, type SecretFault } from "./failure.ts";
import { goText } from "./go-text.ts";

/** A call to the service with the execution role's credentials. @throws CallFailed */
export type SecretCall = (
  service: "ssm" | "secretsmanager",
  region: string,
  operation: string,
  input: Readonly<Record<string, unknown>>,
) => Promise<Readonly<Record<string, unknown>>>;

/** Values by `keyOf`. */
export type SecretValues = ReadonlyMap<string, string>;

/** GetParameters takes so many names. */
const NAMES_PER_CALL = 10;

export const keyOf = ({ provider, region, valueFrom }: WireSecret): string =>
  `${provider} ${region} ${valueFrom}`;

/** @param launchType in whose words a failure is told. @throws Error with all that failed, joined by `;` */
export async function fetchSecrets(
  secrets: readonly WireSecret[],
  call: SecretCall,
  launchType: string | undefined,
): Promise<SecretValues> {
  const values = new Map<string, string>();
  const faults: SecretFault[] = [];
  const attempt = (work: Promise<void>, where: Omit<SecretFault, "error">) =>
    work.catch((error: unknown) => void faults.push({ ...where, error }));
  const work: Promise<void>[] = [];
  for (const [region, names] of parametersByRegion(secrets))
    for (let i = 0; i < names.length; i += NAMES_PER_CALL) {
      const batch = names.slice(i, i + NAMES_PER_CALL);
      work.push(attempt(fetchParameters(batch, region, call, values), { provider: "ssm", region }));
    }
  for (const secret of secrets)
    if (secret.provider === "asm") {
      const secretId = secretPartsOf(secret.valueFrom).secretId;
      const { region } = secret;
      work.push(attempt(fetchSecret(secret, call, values), { provider: "asm", region, secretId }));
    }
  await Promise.all(work);
  if (faults.length > 0)
    throw new Error([...new Set(faults.map((fault) => failureText(fault, launchType)))].join(";"));
  return values;
}

function parametersByRegion(secrets: readonly WireSecret[]): ReadonlyMap<string, readonly string[]> {
  const byRegion = new Map<string, string[]>();
  for (const { provider, region, valueFrom } of secrets) {
    if (provider !== "ssm") continue;
    const names = byRegion.get(region) ?? [];
    if (!names.includes(valueFrom)) names.push(valueFrom);
    byRegion.set(region, names);
  }
  return byRegion;
}

async function fetchParameters(
  names: readonly string[],
  region: string,
  call: SecretCall,
  values: Map<string, string>,
): Promise<void> {
  const answer = await call("ssm", region, "GetParameters", { Names: names, WithDecryption: true });
  const found = (Array.isArray(answer["Parameters"]) ? answer["Parameters"] : []) as readonly {
    readonly Name?: unknown;
    readonly ARN?: unknown;
    readonly Value?: unknown;
  }[];
  const missing: string[] = [];
  for (const name of names) {
    // One that was asked for by its ARN may be answered by its name.
    const value = found.find((p) => p.Name === name || p.ARN === name)?.Value;
    if (typeof value === "string") keep(values, `ssm ${region} ${name}`, value, name);
    else missing.push(name);
  }
  if (missing.length > 0) throw new Error(`invalid parameters: ${missing.join(",")}`);
}

async function fetchSecret(secret: WireSecret, call: SecretCall, values: Map<string, string>): Promise<void> {
  const { secretId, jsonKey, versionStage, versionId } = secretPartsOf(secret.valueFrom);
  const answer = await call("secretsmanager", secret.region, "GetSecretValue", {
    SecretId: secretId,
    ...(versionStage === "" ? {} : { VersionStage: versionStage }),
    ...(versionId === "" ? {} : { VersionId: versionId }),
  });
  const text = answer["SecretString"];
  if (typeof text !== "string") throw new Error("the secret has no text: its value is binary");
  keep(values, keyOf(secret), jsonKey === "" ? text : memberOf(text, jsonKey), secretId);
}

function memberOf(text: string, jsonKey: string): string {
  let members: unknown;
  try {
    members = JSON.parse(text);
  } catch {
    // Its text must not stand in the reason.
  }
  if (typeof members !== "object" || members === null || Array.isArray(members))
    throw new Error("retrieved secret from AWS Secrets Manager is not a JSON object");
  if (!Object.hasOwn(members, jsonKey))
    throw new Error(`retrieved secret from AWS Secrets Manager did not contain json key ${jsonKey}`);
  return goText((members as Readonly<Record<string, unknown>>)[jsonKey]);
}

function keep(values: Map<string, string>, key: string, value: string, of: string): void {
  // No environment variable can hold one, and what fails later would show the value.
  if (value.includes("\0")) throw new Error(`the value of ${of} contains a NUL character`);
  values.set(key, value);
}

/** `arn:…:secret:<id>`, alone or with `:<json key>:<version stage>:<version id>`, each of which may be empty. */
function secretPartsOf(valueFrom: string): {
  readonly secretId: string;
  readonly jsonKey: string;
  readonly versionStage: string;
  readonly versionId: string;
} {
  const parts = valueFrom.split(":");
  const [jsonKey = "", versionStage = "", versionId = ""] = parts.slice(7);
  return { secretId: parts.slice(0, 7).join(":"), jsonKey, versionStage, versionId };
}
