// A task's secrets: fetched with its execution role's credentials before the first container, put into environments and log
// options as containers are created. They are in memory only: an agent that comes back fetches again what it needs still.
import type { WireContainer, WireSecret } from "#acs/messages.ts";
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { CredentialStore } from "../credentials.ts";
import type { ContainerSpec } from "../engine/port.ts";
import { fetchSecrets, keyOf, type SecretValues } from "../secrets/fetch.ts";
import type { CallAsRole } from "../secrets/service-call.ts";
import { TaskFailure, type HookTask, type TaskHook } from "./hook.ts";

/** The stock agent waits so long for them: after its restart they are sent anew. */
const CREDENTIALS_TIMEOUT_MS = 60_000;
/** Shorter values would take ordinary words out of an engine's message. */
const SHORTEST_REDACTED = 4;

export function createSecretsHook(dependencies: {
  readonly credentials: Pick<CredentialStore, "arrival">;
  readonly callAs: CallAsRole;
  readonly clock: Clock;
}): TaskHook {
  const { credentials, callAs, clock } = dependencies;
  const held = new Map<string, SecretValues>();

  const fetch = async ({ task, executionCredentialsId: id }: HookTask): Promise<SecretValues> => {
    const given = id === undefined ? undefined : await arrived(clock, credentials.arrival(id));
    if (given === undefined) throw new Error("unable to find the execution role's credentials");
    return fetchSecrets(task.containers.flatMap(secretsOf), callAs(given), task.launchType);
  };
  const valuesOf = async (hookTask: HookTask): Promise<SecretValues> => {
    const known = held.get(hookTask.task.arn);
    if (known !== undefined) return known;
    const values = await fetch(hookTask).catch((error: unknown) => {
      throw new TaskFailure("ResourceInitializationError", messageOf(error));
    });
    held.set(hookTask.task.arn, values);
    return values;
  };
  const forget = async ({ task }: HookTask) => void held.delete(task.arn);

  return {
    name: "secrets",
    async prepare(hookTask) {
      if (hookTask.task.containers.some((c) => secretsOf(c).length > 0)) await valuesOf(hookTask);
    },
    async creating(hookTask, container, spec) {
      const secrets = secretsOf(container);
      return secrets.length === 0 ? spec : withSecrets(spec, secrets, await valuesOf(hookTask));
    },
    redact({ task }, text) {
      let redacted = text;
      for (const value of held.get(task.arn)?.values() ?? [])
        if (value.length >= SHORTEST_REDACTED) redacted = redacted.replaceAll(value, "***");
      return redacted;
    },
    stopped: forget,
    cleanup: forget,
  };
}

const secretsOf = ({ secrets }: WireContainer): readonly WireSecret[] => secrets ?? [];

function withSecrets(
  spec: ContainerSpec,
  secrets: readonly WireSecret[],
  values: SecretValues,
): ContainerSpec {
  const environment = new Map<string, string>();
  const options: Record<string, string> = {};
  for (const secret of secrets) {
    const value = values.get(keyOf(secret));
    // All were fetched together; an empty variable must never stand for one that was not.
    if (value === undefined)
      throw new TaskFailure("ResourceInitializationError", `the secret ${secret.name} has no value`);
    if (secret.target === "LOG_DRIVER") options[secret.name] = value;
    else environment.set(secret.name, value);
  }
  const before = (spec.config["Env"] ?? []) as readonly string[];
  const log = spec.hostConfig["LogConfig"] as
    { readonly Type?: string; readonly Config?: object } | undefined;
  return {
    ...spec,
    config: {
      ...spec.config,
      Env: [
        ...before.filter((entry) => !environment.has(entry.slice(0, entry.indexOf("=")))),
        ...[...environment].map(([name, value]) => `${name}=${value}`),
      ],
    },
    ...(log === undefined
      ? {}
      : {
          hostConfig: {
            ...spec.hostConfig,
            LogConfig: { ...log, Config: { ...log.Config, ...options } },
          },
        }),
  };
}

/** Undefined when they do not come in time. */
function arrived<T>(clock: Clock, credentials: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(CREDENTIALS_TIMEOUT_MS, () => resolve(undefined));
    void credentials.then((value) => {
      timer.cancel();
      resolve(value);
    });
  });
}
