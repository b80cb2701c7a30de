// What the agent asks of its host's metadata service, version 2 only: a session token first (EC2 User Guide, "Use IMDSv2").
import type { Clock } from "#lib/clock.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { httpRequest } from "./http-request.ts";

export interface IdentityDocument {
  /** As it came, for the signature covers the bytes. */
  readonly document: string;
  readonly signature: string;
  readonly instanceId?: string;
}

export interface ImdsClient {
  /** @throws when the service does not answer or has none */
  identity(): Promise<IdentityDocument>;
  /** Credentials of the instance's role; kept until shortly before they expire. @throws */
  credentials(): Promise<SigningCredentials>;
  /** The text at a path below `/latest/`. @throws */
  text(path: string): Promise<string>;
  /** What a Spot interruption notice announces: `terminate`, `stop` or `hibernate`; undefined while there is none. @throws */
  spotAction(): Promise<string | undefined>;
}

const TOKEN_SECONDS = 21_600;
/** Credentials are renewed when they have no more than this left. */
const RENEW_BEFORE_MS = 10 * 60_000;
const TIMEOUT_MS = 5_000;

/** Read by whoever looks why an instance does not join (GetConsoleOutput), so it says what to do. */
const NO_ROLE =
  "The instance has no role, and so the agent no credentials: " +
  "launch it with an instance profile, for example ecsInstanceRole.";

class MetadataRefused extends Error {
  readonly status: number;

  constructor(path: string, status: number) {
    super(`The metadata service answered ${status} to ${path}.`);
    this.status = status;
  }
}

/** The folder of roles is not there when the instance has none. */
function withoutRole(error: unknown): never {
  throw error instanceof MetadataRefused && error.status === 404 ? new Error(NO_ROLE) : error;
}

export function createImdsClient(base: string, clock: Clock): ImdsClient {
  let token: { readonly value: string; readonly until: number } | undefined;
  let credentials: { readonly value: SigningCredentials; readonly renewAt: number } | undefined;
  let renewal: Promise<SigningCredentials> | undefined;

  const getToken = async (): Promise<string> => {
    if (token !== undefined && clock.monotonic() < token.until) return token.value;
    const answer = await httpRequest("PUT", `${base}/latest/api/token`, {
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_SECONDS) },
      timeoutMs: TIMEOUT_MS,
    });
    if (answer.status !== 200) throw new Error(`The metadata service refused a token (${answer.status}).`);
    token = { value: answer.body, until: clock.monotonic() + (TOKEN_SECONDS - 60) * 1000 };
    return token.value;
  };

  const find = async (path: string): Promise<string | undefined> => {
    for (let attempt = 0; ; attempt++) {
      const answer = await httpRequest("GET", `${base}/latest/${path}`, {
        headers: { "x-aws-ec2-metadata-token": await getToken() },
        timeoutMs: TIMEOUT_MS,
      });
      if (answer.status === 200) return answer.body;
      if (answer.status === 404) return undefined;
      token = undefined;
      // The service may have been restarted and forgotten its tokens.
      if (answer.status !== 401 || attempt > 0) throw new MetadataRefused(path, answer.status);
    }
  };

  const get = async (path: string): Promise<string> => {
    const text = await find(path);
    if (text === undefined) throw new MetadataRefused(path, 404);
    return text;
  };

  const renew = async (): Promise<SigningCredentials> => {
    const folder = "meta-data/iam/security-credentials/";
    const role = (await get(folder).catch(withoutRole)).split("\n")[0]?.trim();
    if (!role) throw new Error(NO_ROLE);
    const answer = JSON.parse(await get(folder + role)) as Readonly<Record<string, string | undefined>>;
    const { AccessKeyId, SecretAccessKey, Token, Expiration, Code, Message } = answer;
    if (AccessKeyId === undefined || SecretAccessKey === undefined) {
      const why = Message === undefined ? "" : ` ${Code ?? ""}: ${Message}`;
      throw new Error(`The metadata service gave no credentials.${why}`);
    }
    const value = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token };
    const expires = Expiration === undefined ? NaN : Date.parse(Expiration);
    credentials = { value, renewAt: Number.isNaN(expires) ? 0 : expires - RENEW_BEFORE_MS };
    return value;
  };

  return {
    async identity() {
      const document = await get("dynamic/instance-identity/document");
      const signature = await get("dynamic/instance-identity/signature");
      const { instanceId } = JSON.parse(document) as { readonly instanceId?: string };
      return { document, signature, ...(instanceId === undefined ? {} : { instanceId }) };
    },
    text: get,
    async spotAction() {
      const notice = await find("meta-data/spot/instance-action");
      return notice === undefined ? undefined : (JSON.parse(notice) as { readonly action?: string }).action;
    },
    credentials() {
      const known = credentials;
      if (known !== undefined && clock.now() < known.renewAt) return Promise.resolve(known.value);
      renewal ??= renew().finally(() => (renewal = undefined));
      // What is about to expire still serves when the service is away.
      return known === undefined
        ? renewal
        : renewal.catch((error: unknown) => {
            if (clock.now() < known.renewAt + RENEW_BEFORE_MS) return known.value;
            throw error;
          });
    },
  };
}
