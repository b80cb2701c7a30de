// What the agent must know of its host's network: whether a task's interface has come. A real host's is the kernel's, a simulated
// host's its provider's.

export interface HostInterfaces {
  /** Whether an interface with this MAC is on the host now. */
  has(macAddress: string): Promise<boolean>;
}
