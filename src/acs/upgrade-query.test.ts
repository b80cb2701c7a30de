import { expect, it } from "vitest";
import { agentQueryString, readAgentQuery, type AgentQuery } from "./upgrade-query.ts";

const query: AgentQuery = {
  channel: "acs",
  containerInstanceArn: "arn:aws:ecs:us-east-1:000000000000:container-instance/default/0123",
  cluster: "default",
  agentVersion: "1.105.1",
  agentHash: "a8b3e7d3",
  dockerVersion: "20.10.24+dfsg1",
  sendCredentials: true,
};

it.each([query, { ...query, channel: "tcs", sendCredentials: false } as const])(
  "what an agent writes in its upgrade is read back: $channel",
  (written) => {
    expect(readAgentQuery(`/${written.channel}/ws?${agentQueryString(written)}`)).toEqual(written);
  },
);

it("writes the keys in order, as the stock agent does", () => {
  const keys = (of: AgentQuery) => [...new URLSearchParams(agentQueryString(of)).keys()];
  expect(keys(query)).toEqual([
    ...["agentHash", "agentVersion", "clusterArn", "containerInstanceArn"],
    ...["dockerVersion", "protocolVersion", "sendCredentials", "seqNum"],
  ]);
  expect(keys({ ...query, channel: "tcs" })).toEqual([
    ...["agentHash", "agentVersion", "cluster", "containerInstance", "dockerVersion"],
  ]);
});
