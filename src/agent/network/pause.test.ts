import { describe, expect, it } from "vitest";
import type { WireTask } from "#acs/messages.ts";
import { networkView } from "../metadata/network-view.ts";
import { refusalOf } from "../task-check.ts";
import { besidePause, interfaceOf, pauseName, pauseSpec } from "./pause.ts";

const network = {
  attachmentArn: "arn:aws:ecs:us-east-1:000000000000:attachment/a1",
  macAddress: "02:00:00:00:00:01",
  ec2Id: "eni-1",
  ipv4Addresses: [{ privateAddress: "10.64.1.9", primary: true }],
  subnetGatewayIpv4Address: "10.64.1.1/24",
  domainName: ["ec2.internal"],
  domainNameServers: ["10.64.0.2"],
  privateDnsName: "ip-10-64-1-9.ec2.internal",
  index: 0,
};
const container = (name: string, hostConfig: object = {}): WireTask["containers"][number] => ({
  name,
  image: "web:1",
  cpu: 0,
  memory: 64,
  essential: true,
  environment: {},
  portMappings: [],
  mountPoints: [],
  volumesFrom: [],
  dockerConfig: { hostConfig: JSON.stringify(hostConfig) },
});
const task = (more: Partial<WireTask> = {}): WireTask => ({
  arn: "arn:aws:ecs:us-east-1:000000000000:task/main/0123456789abcdef0123456789abcdef",
  family: "web",
  version: "3",
  desiredStatus: "RUNNING",
  networkMode: "awsvpc",
  containers: [container("web"), container("side")],
  volumes: [],
  elasticNetworkInterfaces: [network],
  ...more,
});

describe("a pause container", () => {
  it("holds the task's names and addresses, and the settings of its network", () => {
    const sysctl = (value: string) => ({ Sysctls: { "net.core.somaxconn": value, "kernel.msgmax": "1" } });
    const spec = pauseSpec(
      task({ containers: [container("web", sysctl("1")), container("side", sysctl("2"))] }),
      network,
      { cluster: "main", cgroupParent: "/estiba/i-1/ecs/t" },
    );
    expect(spec).toMatchObject({
      name: "ecs-web-3-internalecspause-0123456789abcdef0123456789abcdef",
      config: { Hostname: "ip-10-64-1-9.ec2.internal" },
      hostConfig: {
        NetworkMode: "none",
        Dns: ["10.64.0.2"],
        DnsSearch: ["ec2.internal"],
        ExtraHosts: ["ip-10-64-1-9.ec2.internal:10.64.1.9"],
        Sysctls: { "net.core.somaxconn": "2" },
        CgroupParent: "/estiba/i-1/ecs/t",
      },
    });
  });

  it("lends its network to the task's containers, who keep what is their own", () => {
    const spec = besidePause(task(), {
      name: "web",
      config: { Image: "web:1", ExposedPorts: { "80/tcp": {} }, Hostname: "x" },
      hostConfig: { NetworkMode: "awsvpc", Sysctls: { "net.core.somaxconn": "2", "kernel.msgmax": "1" } },
    });
    expect(spec).toEqual({
      name: "web",
      config: { Image: "web:1" },
      hostConfig: { NetworkMode: `container:${pauseName(task())}`, Sysctls: { "kernel.msgmax": "1" } },
    });
  });

  it("is of awsvpc tasks only", () => {
    expect(interfaceOf(task())).toBe(network);
    expect(interfaceOf(task({ networkMode: "bridge" }))).toBeUndefined();
  });
});

describe("an awsvpc task's metadata", () => {
  it("tells of its interface", () => {
    expect(networkView(task(), [])).toEqual({
      mode: "awsvpc",
      ipv4Addresses: ["10.64.1.9"],
      eni: {
        attachmentIndex: 0,
        macAddress: network.macAddress,
        ipv4SubnetCidrBlock: "10.64.1.0/24",
        subnetGatewayIpv4Address: "10.64.1.1/24",
        domainNameServers: ["10.64.0.2"],
        domainNameSearchList: ["ec2.internal"],
        privateDnsName: network.privateDnsName,
      },
    });
  });
});

const honours = (awsvpc: boolean) => ({ awsvpc, secrets: false });

describe("an agent", () => {
  it("takes awsvpc tasks with one whole interface, and only where tasks can have one", () => {
    expect(refusalOf(task(), honours(true))).toBeUndefined();
    expect(refusalOf(task(), honours(false))?.reason).toContain("network mode awsvpc is not supported");
    for (const broken of [
      {},
      { elasticNetworkInterfaces: [] },
      { elasticNetworkInterfaces: [network, network] },
      { elasticNetworkInterfaces: [{ ...network, ipv4Addresses: [] }] },
      {
        elasticNetworkInterfaces: [
          { ...network, ipv4Addresses: [{ privateAddress: "; rm", primary: true }] },
        ],
      },
    ]) {
      const { elasticNetworkInterfaces: _, ...without } = task();
      expect(refusalOf({ ...without, ...broken }, honours(true))?.reason).toContain("needs one interface");
    }
  });
});
