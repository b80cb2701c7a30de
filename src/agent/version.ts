// What this agent calls itself in the query of its channels, where DescribeContainerInstances takes versionInfo from: its own
// version, not that of the stock agent whose protocol it speaks.

/** `agent`: the package's version. */
export const AGENT_VERSION = { agent: "0.1.0", hash: "estiba00" } as const;

export const USER_AGENT = `Estiba Agent - v${AGENT_VERSION.agent} (${AGENT_VERSION.hash}) (linux; LINUX)`;
