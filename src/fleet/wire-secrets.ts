// A container's `secrets` and its log driver's `secretOptions` → what the agent fetches (agent protocol, "Secrets"). Pure.
import type { Secret } from "@aws-sdk/client-ecs";
import type { WireSecret } from "#acs/messages.ts";
import type { ContainerDefinition } from "#domain/ecs/task-definition.ts";
import { parseSecretReference } from "#domain/ecs/secret-reference.ts";

export interface SecretsOwner {
  readonly region: string;
  readonly account: string;
}

export function toWireSecrets(definition: ContainerDefinition, owner: SecretsOwner): readonly WireSecret[] {
  const given = (secrets: readonly Secret[] | undefined, more: Pick<WireSecret, "type" | "target">) =>
    (secrets ?? []).map((secret) => ({ ...toWireSecret(secret, owner), ...more }));
  return [
    ...given(definition.secrets, { type: "ENVIRONMENT_VARIABLE", target: "CONTAINER" }),
    ...given(definition.logConfiguration?.secretOptions, { type: "BOOTSTRAP", target: "LOG_DRIVER" }),
  ];
}

function toWireSecret(
  { name = "", valueFrom = "" }: Secret,
  { region, account }: SecretsOwner,
): Pick<WireSecret, "name" | "valueFrom" | "region" | "provider"> {
  const reference = parseSecretReference(valueFrom);
  if (reference?.provider === "asm") return { name, valueFrom, region: reference.region, provider: "asm" };
  // The stock agent finds an answer by the name it asked for, so the account's own parameters are asked for by name. Of one
  // outside any hierarchy the ARN does not tell whether its name begins with a slash.
  const isOwn = reference?.account === account && reference.name.startsWith("/");
  return {
    name,
    valueFrom: isOwn ? reference.name : valueFrom,
    region: reference?.region ?? region,
    provider: "ssm",
  };
}
