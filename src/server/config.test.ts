// What is wrong with a setting is told by the name that the person used for it.
import { describe, expect, it } from "vitest";
import { BadConfiguration, readConfig, type ConfigFlags } from "./config.ts";

describe("the configuration", () => {
  it("takes flags before the environment, and the environment before the defaults", () => {
    const environment = { ESTIBA_PORT: "5000", ESTIBA_REGION: "eu-west-1", HOME: "/home/x" };
    expect(readConfig({ port: "6000" }, environment)).toMatchObject({
      port: 6000,
      region: "eu-west-1",
      host: "127.0.0.1",
      engine: "docker",
      defaultVpcCidr: "10.64.0.0/16",
      allowReset: false,
    });
  });

  it("replaces no tasks of silent hosts unless it is told to, after which time", () => {
    expect(readConfig({}, {})).not.toHaveProperty("replaceTasksAfter");
    expect(readConfig({ replaceTasksAfter: "0s" }, {})).not.toHaveProperty("replaceTasksAfter");
    expect(readConfig({ replaceTasksAfter: "10m" }, {}).replaceTasksAfter).toBe(600_000);
  });

  it.each<[ConfigFlags, Record<string, string>, string]>([
    [{ port: "70000" }, {}, "--port must be a whole number from 0 to 65535."],
    [{}, { ESTIBA_PORT: "70000" }, "ESTIBA_PORT must be a whole number from 0 to 65535."],
    [{ engine: "lxc" }, {}, '--engine must be one of docker, sim; it is "lxc".'],
    [{}, { ESTIBA_ENGINE: "lxc" }, 'ESTIBA_ENGINE must be one of docker, sim; it is "lxc".'],
    [{ logLevel: "loud" }, {}, '--log-level must be one of info, debug, warn, error, silent; it is "loud".'],
    [{ defaultVpcCidr: "10.0.0.0/8" }, {}, "--vpc-cidr must be an IPv4 network from /16 to /22"],
    [{}, { ESTIBA_VPC_CIDR: "ten" }, "ESTIBA_VPC_CIDR must be an IPv4 network from /16 to /22"],
    [{}, { ESTIBA_ACCOUNT_ID: "7" }, "ESTIBA_ACCOUNT_ID must be twelve digits."],
    [{ joinAddress: "0.0.0.0" }, {}, "--join-address must be an IPv4 address of this machine"],
    [{}, { ESTIBA_JOIN_ADDRESS: "here" }, "ESTIBA_JOIN_ADDRESS must be an IPv4 address of this machine"],
    [{ replaceTasksAfter: "soon" }, {}, "--replace-tasks-after must be a duration as in 90s, 10m or 2h"],
    [{ region: "mars" }, {}, '"mars" is not the name of a region.'],
  ])("refuses %j %j: %s", (flags, environment, words) => {
    expect(() => readConfig(flags, environment)).toThrow(BadConfiguration);
    expect(() => readConfig(flags, environment)).toThrow(words);
  });
});
