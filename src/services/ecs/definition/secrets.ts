// The secrets of a container and of its log driver: what they name, and that the task has a role to fetch them with. Whether they
// exist is found out when a task starts, as on AWS.
import type { ContainerDefinition, Secret } from "@aws-sdk/client-ecs";
import { parseSecretReference } from "#domain/ecs/secret-reference.ts";
import { clientException } from "../errors.ts";

/** @throws ClientException */
export function checkSecrets(
  containers: readonly ContainerDefinition[],
  executionRoleArn: string | undefined,
): void {
  for (const container of containers) {
    const { secrets = [], environment = [] } = container;
    const secretOptions = container.logConfiguration?.secretOptions ?? [];
    if (secrets.length + secretOptions.length === 0) continue;
    if (executionRoleArn === undefined)
      throw clientException(
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
      );
    for (const secret of [...secrets, ...secretOptions]) checkSecret(container, secret);
    const options = Object.keys(container.logConfiguration?.options ?? {});
    checkNames(secrets, new Set(environment.map((e) => e.name ?? "")), "environment variables");
    checkNames(secretOptions, new Set(options), "log options");
  }
}

function checkSecret(container: ContainerDefinition, { name, valueFrom }: Secret): void {
  if (!name || !valueFrom)
    throw clientException(
      `Invalid 'secrets' setting for container '${container.name}'. Each secret needs a name and a valueFrom.`,
    );
  if (parseSecretReference(valueFrom) !== undefined) return;
  if (valueFrom.startsWith("arn:"))
    throw clientException(
      `The ARN specified for secret ${name} is invalid. Give the ARN of a Systems Manager parameter, or of a Secrets Manager secret alone or followed by :json-key:version-stage:version-id.`,
    );
  throw clientException(
    `The Systems Manager parameter name specified for secret ${name} is invalid. The parameter name can be up to 2048 characters and include the following letters and symbols: a-zA-Z0-9_.-,`,
  );
}

function checkNames(secrets: readonly Secret[], taken: Set<string>, kind: string): void {
  for (const { name = "" } of secrets) {
    if (taken.has(name))
      throw clientException(
        `The secret name must be unique and not shared with any new or existing ${kind} set on the container, such as '${name}'.`,
      );
    taken.add(name);
  }
}
