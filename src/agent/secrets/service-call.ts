// Calls to Systems Manager and Secrets Manager at the control plane's endpoint, signed by a task's execution role and tried again
// while the services do not answer.
import type { RoleCredentials } from "#acs/messages.ts";
import { backoffDelay } from "#lib/backoff.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { callAwsJson } from "../aws-json.ts";
import { CallFailed } from "../control-plane.ts";
import type { SecretCall } from "./fetch.ts";

/** One service call as a role. */
export type CallAsRole = (credentials: RoleCredentials) => SecretCall;

const TARGETS = { ssm: "AmazonSSM", secretsmanager: "secretsmanager" } as const;
const TIMEOUT_MS = 5_000;
/** Long enough for a server that is being restarted. */
const RETRY = { initialMs: 500, maximumMs: 8_000, factor: 2, jitter: 0.2 };
const TRIES = 6;

export function createSecretCalls(options: {
  /** Base URL of the control plane. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly userAgent: string;
}): CallAsRole {
  const { clock, random } = options;
  return ({ accessKeyId, secretAccessKey, sessionToken }) =>
    async (service, region, operation, input) => {
      const to = { ...options, region, service, target: TARGETS[service], timeoutMs: TIMEOUT_MS };
      const credentials = async () => ({ accessKeyId, secretAccessKey, sessionToken });
      for (let attempt = 0; ; attempt++) {
        try {
          return await callAwsJson(to, credentials, operation, input);
        } catch (error) {
          if (!isWorthAnother(error) || attempt + 1 >= TRIES) throw error;
          await sleep(clock, backoffDelay(RETRY, attempt, random));
        }
      }
    };
}

const isWorthAnother = (error: unknown): boolean =>
  error instanceof CallFailed &&
  (error.status === undefined || error.status >= 500 || error.code === "ThrottlingException");
