// With whose keys an upstream's calls are signed: a profile of the AWS credentials file, else ESTIBA_UPSTREAM_… of the server's
// environment, else keys of no meaning, which local stand-ins of AWS take.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf, ServiceError } from "#lib/errors.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import type { UpstreamSetting } from "#gateway/upstream/setting.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Read anew at each call: whoever renews the file's keys need not restart the server. */
export function upstreamCredentials(
  { profile, service }: Pick<UpstreamSetting, "profile" | "service">,
  environment: Environment,
): () => Promise<SigningCredentials> {
  if (profile === undefined) {
    const found = fromEnvironment(environment);
    return () => Promise.resolve(found);
  }
  const file =
    environment["AWS_SHARED_CREDENTIALS_FILE"] ??
    join(environment["HOME"] ?? homedir(), ".aws", "credentials");
  return async () => {
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      throw unusable(service, messageOf(error));
    });
    const found = keysOf(text, profile);
    // Profiles that assume a role or sign in by SSO have none: who uses such exports them for the server.
    if (found === undefined) throw unusable(service, `the profile ${profile} has no access key in ${file}`);
    return found;
  };
}

const unusable = (service: string, why: string): ServiceError =>
  new ServiceError("ServiceUnavailable", `The upstream of ${service} has no credentials: ${why}.`, {
    statusCode: 503,
  });

function fromEnvironment(environment: Environment): SigningCredentials {
  const of = (name: string) => environment[`ESTIBA_UPSTREAM_${name}`] || undefined;
  const sessionToken = of("SESSION_TOKEN");
  return {
    accessKeyId: of("ACCESS_KEY_ID") ?? "estiba",
    secretAccessKey: of("SECRET_ACCESS_KEY") ?? "estiba",
    ...(sessionToken === undefined ? {} : { sessionToken }),
  };
}

/** One section of an INI file (AWS SDKs Reference Guide, "Shared config and credentials files"). */
export function keysOf(text: string, profile: string): SigningCredentials | undefined {
  const values = new Map<string, string>();
  let isIn = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) isIn = section === profile;
    const [, name = "", value = ""] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/.exec(line) ?? [];
    if (isIn && name !== "") values.set(name, value);
  }
  const accessKeyId = values.get("aws_access_key_id");
  const secretAccessKey = values.get("aws_secret_access_key");
  const sessionToken = values.get("aws_session_token");
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
