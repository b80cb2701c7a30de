// What a simulated host takes from user data: the agent's settings, in the forms that the ECS documentation shows. Nothing is run;
// whatever else stands there is told on the console. Pure.

export interface SimulatedUserData {
  /** The text that would stand in /etc/ecs/ecs.config. */
  readonly agentConfiguration: string;
  /** Lines that a real host would run. */
  readonly notRun: readonly string[];
}

const CONFIG = "/etc/ecs/ecs.config";

export function readSimulatedUserData(text: string): SimulatedUserData {
  const configuration: string[] = [];
  const notRun: string[] = [];
  let hereDocument: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (hereDocument !== undefined) {
      if (trimmed === hereDocument) hereDocument = undefined;
      else configuration.push(trimmed);
      continue;
    }
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const opened =
      /^cat\s+(?:<<-?\s*["']?(\w+)["']?\s*>>?\s*(\S+)|>>?\s*(\S+)\s*<<-?\s*["']?(\w+)["']?)$/.exec(trimmed);
    if (opened !== null && (opened[2] ?? opened[3]) === CONFIG) {
      hereDocument = opened[1] ?? opened[4];
      continue;
    }
    const echoed = /^echo\s+(?:-e\s+)?(["']?)([A-Z_0-9]+=.*?)\1\s*>>?\s*(\S+)$/.exec(trimmed);
    if (echoed !== null && echoed[3] === CONFIG) configuration.push((echoed[2] ?? "").trim());
    else notRun.push(trimmed);
  }
  return { agentConfiguration: configuration.map((line) => `${line}\n`).join(""), notRun };
}
