// What a server is started with: flags win over the environment, which wins over the defaults.
import { isIP } from "node:net";
import { resolve } from "node:path";
import { readUpstream, type UpstreamSetting } from "#gateway/upstream/setting.ts";
import { SPOT_NOTICE_MS } from "#domain/ec2/spot.ts";
import { messageOf } from "#lib/errors.ts";
import type { TaskRuntime } from "#domain/ecs/fargate.ts";

export interface ServerConfig {
  /** Everything durable lives below this folder. */
  readonly dataDirectory: string;
  /** The address the endpoint listens on, loopback unless told otherwise; the VPC's reserved address is added with real hosts. */
  readonly host: string;
  readonly port: number;
  /** A further address of this machine, where other machines join; none unless given. */
  readonly joinAddress?: string;
  /** The region whose default VPC is made at start. Other regions come into being when they are used. */
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  /** `docker`: real hosts and containers. `sim`: simulated ones; needs neither root nor Docker. */
  readonly engine: "docker" | "sim";
  /** Serves the root principal's reset endpoint. */
  readonly allowReset: boolean;
  readonly defaultVpcCidr: string;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
  /** How long after RUNNING a task without load balancer and health check counts as healthy. */
  readonly steadyAfterMs: number;
  /** After which silence of a host its services' tasks are replaced; never when absent, as on AWS. Milliseconds. */
  readonly replaceTasksAfter?: number;
  /** Who answers for services that Estiba does not have. */
  readonly upstream: readonly UpstreamSetting[];
  /** From a Spot interruption's notice to the end of the instance. */
  readonly spotNoticeMs: number;
  /** Hosts of Fargate's pool that there may be at once. */
  readonly fargateHosts: number;
  /** How long one without a task is kept. */
  readonly fargateKeepMs: number;
  /** What starts the containers of Fargate tasks; `runsc` (gVisor) must be installed. Never the one for the other. */
  readonly fargateRuntime: TaskRuntime;
  /** The pool's network, /16 to /28; a free part of 198.18.0.0/15 when absent. */
  readonly fargateCidr?: string;
}

export type ConfigFlags = {
  readonly [K in keyof ServerConfig]?: string | boolean | number | undefined;
};

export class BadConfiguration extends Error {
  override readonly name = "BadConfiguration";
}

/** The configuration from command-line flags and environment. @throws BadConfiguration naming the setting */
export function readConfig(
  flags: ConfigFlags,
  environment: Readonly<Record<string, string | undefined>>,
): ServerConfig {
  /** As it was given: what is wrong is named as the person wrote it. */
  const nameOf = (key: keyof ServerConfig, variable: string) => {
    const flag = key === "defaultVpcCidr" ? "vpc-cidr" : key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
    return flags[key] === undefined ? variable : `--${flag}`;
  };
  const text = (key: keyof ServerConfig, variable: string, fallback: string) => {
    const given = flags[key] ?? environment[variable];
    return given === undefined || given === "" ? fallback : String(given);
  };
  const whole = (
    key: keyof ServerConfig,
    variable: string,
    fallback: number,
    minimum: number,
    maximum: number,
  ) => {
    const value = Number(text(key, variable, String(fallback)));
    if (!Number.isInteger(value) || value < minimum || value > maximum) {
      throw new BadConfiguration(
        `${nameOf(key, variable)} must be a whole number from ${minimum} to ${maximum}.`,
      );
    }
    return value;
  };
  const oneOf = <T extends string>(
    key: keyof ServerConfig,
    variable: string,
    values: readonly [T, ...T[]],
  ): T => {
    const value = text(key, variable, values[0]);
    const found = values.find((v) => v === value);
    if (found === undefined)
      throw new BadConfiguration(
        `${nameOf(key, variable)} must be one of ${values.join(", ")}; it is "${value}".`,
      );
    return found;
  };
  const account = text("account", "ESTIBA_ACCOUNT_ID", "000000000000");
  if (!/^\d{12}$/.test(account)) throw new BadConfiguration("ESTIBA_ACCOUNT_ID must be twelve digits.");
  const region = text("region", "ESTIBA_REGION", "us-east-1");
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region))
    throw new BadConfiguration(`"${region}" is not the name of a region.`);
  const defaultVpcCidr = text("defaultVpcCidr", "ESTIBA_VPC_CIDR", "10.64.0.0/16");
  if (!/^\d+\.\d+\.\d+\.\d+\/(1[6-9]|2[0-2])$/.test(defaultVpcCidr)) {
    throw new BadConfiguration(
      `${nameOf("defaultVpcCidr", "ESTIBA_VPC_CIDR")} must be an IPv4 network from /16 to /22, for instance 10.64.0.0/16.`,
    );
  }
  const replaceTasksAfter = durationMs(text("replaceTasksAfter", "ESTIBA_REPLACE_TASKS_AFTER", "0s"));
  if (replaceTasksAfter === undefined)
    throw new BadConfiguration(
      `${nameOf("replaceTasksAfter", "ESTIBA_REPLACE_TASKS_AFTER")} must be a duration as in 90s, 10m or 2h; 0s means never.`,
    );
  const joinAddress = text("joinAddress", "ESTIBA_JOIN_ADDRESS", "");
  if (joinAddress !== "" && (isIP(joinAddress) !== 4 || joinAddress === "0.0.0.0"))
    throw new BadConfiguration(
      `${nameOf("joinAddress", "ESTIBA_JOIN_ADDRESS")} must be an IPv4 address of this machine, by which others reach it.`,
    );
  const fargateCidr = text("fargateCidr", "ESTIBA_FARGATE_CIDR", "");
  if (fargateCidr !== "" && !/^\d+\.\d+\.\d+\.\d+\/(1[6-9]|2[0-8])$/.test(fargateCidr))
    throw new BadConfiguration(
      `${nameOf("fargateCidr", "ESTIBA_FARGATE_CIDR")} must be an IPv4 network from /16 to /28.`,
    );
  return {
    dataDirectory: resolve(text("dataDirectory", "ESTIBA_DATA", defaultDataDirectory(environment))),
    host: text("host", "ESTIBA_HOST", "127.0.0.1"),
    port: whole("port", "ESTIBA_PORT", 4566, 0, 65_535),
    ...(replaceTasksAfter === 0 ? {} : { replaceTasksAfter }),
    ...(joinAddress === "" ? {} : { joinAddress }),
    region,
    account,
    engine: oneOf("engine", "ESTIBA_ENGINE", ["docker", "sim"]),
    allowReset: flags.allowReset === true || environment["ESTIBA_ALLOW_RESET"] === "1",
    defaultVpcCidr,
    logLevel: oneOf("logLevel", "ESTIBA_LOG_LEVEL", ["info", "debug", "warn", "error", "silent"]),
    steadyAfterMs: whole("steadyAfterMs", "ESTIBA_STEADY_AFTER_MS", 40_000, 0, 3_600_000),
    fargateHosts: whole("fargateHosts", "ESTIBA_FARGATE_HOSTS", 64, 0, 10_000),
    fargateRuntime: oneOf("fargateRuntime", "ESTIBA_FARGATE_RUNTIME", ["runc", "runsc"]),
    fargateKeepMs: whole("fargateKeepMs", "ESTIBA_FARGATE_KEEP_MS", 60_000, 0, 86_400_000),
    ...(fargateCidr === "" ? {} : { fargateCidr }),
    upstream: upstreamsIn(text("upstream", "ESTIBA_UPSTREAMS", "")),
    spotNoticeMs: whole("spotNoticeMs", "ESTIBA_SPOT_NOTICE_MS", SPOT_NOTICE_MS, 0, 3_600_000),
  };
}

function durationMs(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  const factor = { s: 1000, m: 60_000, h: 3_600_000 }[unit];
  return count === undefined || factor === undefined ? undefined : Number(count) * factor;
}

/** Each of the words is one. */
function upstreamsIn(given: string): readonly UpstreamSetting[] {
  try {
    return given
      .split(/\s+/)
      .filter((one) => one !== "")
      .map(readUpstream);
  } catch (error) {
    throw new BadConfiguration(`--upstream (ESTIBA_UPSTREAMS): ${messageOf(error)}`);
  }
}

function defaultDataDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid?.() === 0) return "/var/lib/estiba";
  return `${environment["HOME"] ?? "."}/.local/share/estiba`;
}
