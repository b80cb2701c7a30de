// Runs one command of the machine to its end. What goes wrong carries the command's own words.
import { execFile } from "node:child_process";

/** Answers standard output. @throws Error with the command's standard error */
export function run(command: readonly [string, ...string[]]): Promise<string> {
  const [file, ...args] = command;
  const env = { PATH: searchPath };
  return new Promise((resolve, reject) => {
    execFile(file, args, { env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(new Error(`${command.join(" ")}: ${stderr.trim() || error.message}`));
    });
  });
}

/** Where the machine's programs are, whatever the control plane's own PATH is. */
export const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
