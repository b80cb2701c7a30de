// `estiba agent`: makes this machine a host of a server on another one, and keeps it so: what runs goes on without it.
import { fileURLToPath } from "node:url";
import { sleep, systemClock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import { createLogger } from "#lib/logger.ts";
import { BadConfiguration } from "#server/config.ts";
import type { MachineAnswer } from "#server/join/answer.ts";
import { createJoinedMachine, type JoinedMachine } from "#server/join/machine.ts";
import { stateFolder } from "#server/state-folder.ts";
import { createSupervisor } from "#server/supervisor.ts";

export interface AgentOptions {
  /** `http://host:port` of the server; with a token, once. */
  readonly join?: string;
  readonly token?: string;
  readonly leave?: boolean;
  readonly detach?: boolean;
  readonly dockerHost: string;
}

/** Name of this command among the supervised services. */
const SERVICE = "machine";
const ASK_EVERY_MS = 10_000;

export async function agent(
  dataDirectory: string,
  options: AgentOptions,
  print: (line: string) => void,
): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new BadConfiguration("A machine joins as root: it makes networks and hosts.");
  const folder = stateFolder(dataDirectory);
  const machine = createJoinedMachine({
    folder,
    clock: systemClock,
    logger: createLogger("warn"),
    dockerHost: options.dockerHost,
  });
  const supervisor = createSupervisor(folder, systemClock);
  if (options.leave === true) {
    await supervisor.remove(SERVICE);
    await machine.leave();
    return print("This machine is no host any more.");
  }
  const { join, token } = options;
  if ((join === undefined) !== (token === undefined))
    throw new BadConfiguration("--join and --token go together: `estiba join-token` prints both.");
  const answer =
    join === undefined || token === undefined ? await machine.ask() : await machine.join(join, token);
  if (answer.state === "gone") {
    await machine.leave();
    throw new Error(`${answer.reason} What it had here was removed.`);
  }
  print(`joined as ${answer.id} (${answer.kind === "ec2" ? answer.host.instanceType : "EXTERNAL"})`);
  await machine.become(answer);
  print(`the agent runs, for the cluster ${answer.cluster}`);
  if (options.detach === true) {
    await supervisor.ensure({
      name: SERVICE,
      command: [
        process.execPath,
        fileURLToPath(import.meta.url),
        ...["--data", dataDirectory, "agent", "--docker-host", options.dockerHost],
      ],
      environment: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/root" },
      terminalExitCodes: [5],
      stopTimeoutSeconds: 10,
    });
    return;
  }
  await keep(machine, answer, print);
}

/** Until a signal: what the server says is made so again whenever it changes, also after the machine's address did. */
async function keep(
  machine: JoinedMachine,
  first: MachineAnswer,
  print: (line: string) => void,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  let made = shapeOf(first);
  while (!stop.signal.aborted) {
    await sleep(systemClock, ASK_EVERY_MS, stop.signal).catch(() => undefined);
    if (stop.signal.aborted) break;
    try {
      const answer = await machine.ask();
      if (answer.state === "gone") {
        print(`${answer.reason} What it had here is removed.`);
        await machine.leave();
        process.exitCode = 5;
        return;
      }
      if (shapeOf(answer) === made) continue;
      await machine.become(answer);
      made = shapeOf(answer);
      print("the machine was brought to what the server says it is");
    } catch (error) {
      print(`the server cannot be asked: ${messageOf(error)}`);
    }
  }
  print("This command ends; the host goes on. `estiba agent --leave` ends it.");
}

/** All that a change of is to be acted upon: an external machine's credentials are its agent's to renew. */
const shapeOf = (answer: MachineAnswer): string =>
  answer.state === "joined" && answer.kind === "external"
    ? JSON.stringify({ id: answer.id, cluster: answer.cluster, region: answer.region })
    : JSON.stringify(answer);
