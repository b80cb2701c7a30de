// The port to whatever keeps programs running that outlive the control plane (supervise/ fills it with runit).

export interface ServiceSpec {
  /** Unique on the machine for one data folder: `[a-z0-9-]+`, for instance `haproxy-vpc-1` or `agent-i-0abc`. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** Runs inside this named network namespace (a name of `ip netns`). */
  readonly networkNamespace?: string;
  /** Slash-separated path below the cgroup root(s), for instance `/estiba/i-0abc/system`. */
  readonly cgroup?: string;
  /** Files removed before a start when their owner is proven dead. */
  readonly pidFiles?: readonly string[];
  /** Exit codes after which the program is not started again (an agent's 5). */
  readonly terminalExitCodes?: readonly number[];
  /** Seconds between the stop signal and SIGKILL. */
  readonly stopTimeoutSeconds?: number;
}

export interface ServiceState {
  readonly name: string;
  readonly running: boolean;
  /** The program's process id; absent when it is not running. */
  readonly pid?: number;
  /** Seconds the program has been up or down. */
  readonly sinceSeconds?: number;
  /** Set once the program ended with a terminal exit code. */
  readonly terminalExitCode?: number;
}

export interface Supervisor {
  /**
   * Makes the service exist and run. A running one with an equal spec is left alone (adopted); one whose spec
   * differs is restarted with the new one. Resolves when the program has been started.
   */
  ensure(spec: ServiceSpec): Promise<ServiceState>;
  state(name: string): Promise<ServiceState | undefined>;
  /** Stops the program (SIGTERM, then SIGKILL), its supervisor, and forgets the service. No error when unknown. */
  remove(name: string): Promise<void>;
  /** Sends a signal to the running program. */
  signal(name: string, signal: "SIGHUP" | "SIGUSR1" | "SIGUSR2" | "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Names of all services of this data folder. */
  list(): Promise<readonly string[]>;
  /** The newest lines that the program wrote, oldest first. */
  tail(name: string, lines: number): Promise<readonly string[]>;
}
