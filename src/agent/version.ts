// What this agent calls itself in the query of its channels, where DescribeContainerInstances takes versionInfo from.

/** The version of the protocol's stock agent that this one was written after. */
export const AGENT_VERSION = { agent: "1.105.1", hash: "estiba00" } as const;

export const USER_AGENT = `Estiba Agent - v${AGENT_VERSION.agent} (${AGENT_VERSION.hash}) (linux; LINUX)`;
