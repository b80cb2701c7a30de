// Runs the machine's own programs (`ip`, `nft`, `nsenter`) and tells their words when one refuses.
import { execFile } from "node:child_process";

/** Resolves with standard output. @throws CommandFailed */
export type Run = (command: string, args: readonly string[]) => Promise<string>;

export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
}

const timeoutMs = 30_000;
const outputBytes = 64 * 1024 * 1024;

export const runCommand: Run = (command, args) =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: "C", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
    execFile(command, args, { timeout: timeoutMs, maxBuffer: outputBytes, env }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const words = stderr.trim() === "" ? error.message : stderr.trim();
      reject(new CommandFailed(`${command} failed: ${words}`, { cause: error }));
    });
  });

/** A shell script in the root namespace. */
export const inRoot = (run: Run, script: string): Promise<string> => run("sh", ["-c", script]);

/** A shell script in a named namespace. Only the network changes: mounts, and so /sys, stay the machine's. */
export const inNamespace = (run: Run, namespace: string, script: string): Promise<string> =>
  run("nsenter", [`--net=/run/netns/${namespace}`, "sh", "-c", script]);
