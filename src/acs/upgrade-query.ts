// What an agent says of itself in the query of its two websocket upgrades (agent protocol, "Connection").

export interface AgentQuery {
  readonly channel: "acs" | "tcs";
  readonly containerInstanceArn: string;
  /** The configured cluster: a name or an ARN. */
  readonly cluster: string;
  readonly agentVersion?: string;
  readonly agentHash?: string;
  readonly dockerVersion?: string;
  /** ACS only: the agent holds no credentials yet. */
  readonly sendCredentials: boolean;
}

/** The channel by path (`/acs/ws`, `/tcs/ws`) and its query; undefined when it is no agent's upgrade. */
export function readAgentQuery(url: string): AgentQuery | undefined {
  const [path, query = ""] = url.split("?", 2);
  const channel = path === "/acs/ws" ? "acs" : path === "/tcs/ws" ? "tcs" : undefined;
  if (channel === undefined) return undefined;
  const parameters = new URLSearchParams(query);
  const containerInstanceArn = parameters.get(
    channel === "acs" ? "containerInstanceArn" : "containerInstance",
  );
  if (!containerInstanceArn) return undefined;
  const said = (key: "agentVersion" | "agentHash") => {
    const value = parameters.get(key);
    return value ? { [key]: value.slice(0, 255) } : {};
  };
  // ACS writes "DockerVersion: 20.10.24", TCS the version alone.
  const docker = parameters.get("dockerVersion")?.replace(/^DockerVersion:\s*/, "");
  return {
    channel,
    containerInstanceArn,
    cluster: parameters.get(channel === "acs" ? "clusterArn" : "cluster") ?? "",
    ...said("agentVersion"),
    ...said("agentHash"),
    ...(docker ? { dockerVersion: docker.slice(0, 255) } : {}),
    sendCredentials: parameters.get("sendCredentials") === "true",
  };
}

/** The body with which an upgrade is refused; an InactiveInstanceException keeps the agent away for an hour. */
export function refusalBody(
  type:
    | "InactiveInstanceException"
    | "InvalidInstanceException"
    | "AccessDeniedException"
    | "BadRequestException"
    | "ServerException",
  message: string,
): string {
  return JSON.stringify({ type, message: { message } });
}

/** The query that an agent's upgrade carries, its keys in order (agent protocol, "Connection"). */
export function agentQueryString(query: AgentQuery): string {
  const { agentHash, agentVersion, cluster, containerInstanceArn, dockerVersion } = query;
  const entries: readonly (readonly [string, string | undefined])[] =
    query.channel === "acs"
      ? [
          ["agentHash", agentHash],
          ["agentVersion", agentVersion],
          ["clusterArn", cluster],
          ["containerInstanceArn", containerInstanceArn],
          ["dockerVersion", dockerVersion === undefined ? undefined : `DockerVersion: ${dockerVersion}`],
          ["protocolVersion", "2"],
          ["sendCredentials", String(query.sendCredentials)],
          ["seqNum", "1"],
        ]
      : [
          ["agentHash", agentHash],
          ["agentVersion", agentVersion],
          ["cluster", cluster],
          ["containerInstance", containerInstanceArn],
          ["dockerVersion", dockerVersion],
        ];
  return entries
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${queryText(value)}`]))
    .join("&");
}

/** As the stock agent writes it: a space is a plus sign, and only letters, digits and `-_.~` stand for themselves. */
const queryText = (value: string): string =>
  encodeURIComponent(value)
    .replaceAll("%20", "+")
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
