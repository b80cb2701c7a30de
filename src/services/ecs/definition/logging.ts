// What a container's log configuration may say (API reference, "LogConfiguration"). The options of `awslogs` are ECS's own list:
// where its engine reaches CloudWatch Logs and by which credentials is no container's to say. Other drivers' are Docker's matter.
import type { ContainerDefinition, LogConfiguration } from "@aws-sdk/client-ecs";
import { clientException } from "../errors.ts";

const REQUIRED = ["awslogs-group", "awslogs-region"];
const ALLOWED = new Set([
  ...REQUIRED,
  ...["awslogs-stream-prefix", "awslogs-create-group", "awslogs-datetime-format"],
  ...["awslogs-multiline-pattern", "mode", "max-buffer-size"],
]);
const GROUP = /^[A-Za-z0-9_\-/.#]{1,512}$/;
/** Together with the container's name and the task's id it names a stream: at most 512 characters, without `:` and `*`. */
const PREFIX = /^[^:*]{1,200}$/;

/** @throws ClientException */
export function checkLogging(
  containers: readonly ContainerDefinition[],
  task: { readonly onFargate: boolean; readonly executionRoleArn: string | undefined },
): void {
  for (const { name = "", logConfiguration: log } of containers) {
    if (log?.logDriver !== "awslogs") continue;
    checkAwslogs(name, log, task.onFargate);
    if (task.onFargate && task.executionRoleArn === undefined)
      throw clientException(
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
      );
  }
}

function checkAwslogs(
  container: string,
  { options = {}, secretOptions = [] }: LogConfiguration,
  onFargate: boolean,
) {
  const needed = [...REQUIRED, ...(onFargate ? ["awslogs-stream-prefix"] : [])];
  const missing = needed.filter((name) => !options[name]);
  if (missing.length > 0) throw clientException(`Log driver awslogs requires options: ${missing.join(", ")}`);
  const given = [...Object.keys(options), ...secretOptions.map((secret) => secret.name ?? "")];
  const disallowed = given.filter((name) => !ALLOWED.has(name));
  if (disallowed.length > 0)
    throw clientException(`Log driver awslogs disallows options: ${disallowed.join(", ")}`);
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = options[name];
    if (value !== undefined && !check.test(value))
      throw clientException(`Invalid '${name}' log option for container '${container}'.`);
  }
  if (options["awslogs-datetime-format"] !== undefined && options["awslogs-multiline-pattern"] !== undefined)
    throw clientException(
      `The log options 'awslogs-datetime-format' and 'awslogs-multiline-pattern' of container '${container}' exclude each other.`,
    );
  if (options["mode"] === "blocking" && options["max-buffer-size"] !== undefined)
    throw clientException(
      `The log option 'max-buffer-size' of container '${container}' needs the mode 'non-blocking'.`,
    );
}

const CHECKS: Readonly<Record<string, RegExp>> = {
  "awslogs-group": GROUP,
  "awslogs-region": /^[a-z]{2}(-[a-z]+)+-\d+$/,
  "awslogs-stream-prefix": PREFIX,
  "awslogs-create-group": /^(true|false)$/,
  mode: /^(blocking|non-blocking)$/,
  "max-buffer-size": /^\d+(\.\d+)? ?[kKmMgG]?i?[bB]?$/,
};
