// What a task's pause container is created from, and what the task's own containers become beside it. Pure.
import type { WireNetworkInterface, WireTask } from "#acs/messages.ts";
import { dockerNameOf, labelsOf } from "../container-spec.ts";
import type { ContainerSpec } from "../engine/port.ts";
import { taskIdOf } from "../task/state.ts";
import { PAUSE_IMAGE } from "./pause-image.ts";

/** As the stock agent calls it; no container of a task definition can have this name. */
export const PAUSE_CONTAINER = "~internal~ecs~pause";

/** Undefined for a task of another network mode. */
export function interfaceOf(task: WireTask): WireNetworkInterface | undefined {
  return task.networkMode === "awsvpc" ? task.elasticNetworkInterfaces?.[0] : undefined;
}

export const primaryAddress = ({ ipv4Addresses }: WireNetworkInterface): string =>
  (ipv4Addresses.find((a) => a.primary) ?? ipv4Addresses[0])?.privateAddress ?? "";

/** One for each task, so that it is found again without being remembered. */
export const pauseName = (task: WireTask): string => dockerNameOf(task, PAUSE_CONTAINER, taskIdOf(task.arn));

/** Its files /etc/hosts, hostname and resolv.conf are those of all containers of the task. */
export function pauseSpec(
  task: WireTask,
  network: WireNetworkInterface,
  settings: { readonly cluster: string; readonly cgroupParent?: string | undefined },
): ContainerSpec {
  const { privateDnsName: hostname } = network;
  const sysctls = networkSysctls(task);
  return {
    name: pauseName(task),
    config: {
      Image: PAUSE_IMAGE,
      Hostname: hostname,
      Labels: labelsOf(task, PAUSE_CONTAINER, settings),
    },
    hostConfig: {
      NetworkMode: "none",
      Dns: network.domainNameServers,
      DnsSearch: network.domainName,
      ExtraHosts: hostname === "" ? [] : [`${hostname}:${primaryAddress(network)}`],
      CapDrop: ["ALL"],
      ...(Object.keys(sysctls).length === 0 ? {} : { Sysctls: sysctls }),
      ...(settings.cgroupParent === undefined ? {} : { CgroupParent: settings.cgroupParent }),
    },
  };
}

/** The container in the pause container's network: what belongs to that is not its own. */
export function besidePause(task: WireTask, spec: ContainerSpec): ContainerSpec {
  const { ExposedPorts: _, Hostname: __, ...config } = spec.config;
  const { Sysctls: sysctls, PortBindings: ___, ...hostConfig } = spec.hostConfig;
  const own = Object.entries((sysctls ?? {}) as Readonly<Record<string, string>>).filter(
    ([name]) => !isNetworkSysctl(name),
  );
  return {
    ...spec,
    config,
    hostConfig: {
      ...hostConfig,
      NetworkMode: `container:${pauseName(task)}`,
      ...(own.length === 0 ? {} : { Sysctls: Object.fromEntries(own) }),
    },
  };
}

const isNetworkSysctl = (name: string): boolean => name.startsWith("net.");

/** Those of all containers: they share one network, and of two values the later container's stands. */
function networkSysctls(task: WireTask): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { dockerConfig } of task.containers) {
    const text = dockerConfig?.hostConfig;
    const { Sysctls: sysctls = {} } = (text ? JSON.parse(text) : {}) as {
      readonly Sysctls?: Readonly<Record<string, string>>;
    };
    for (const [name, value] of Object.entries(sysctls)) if (isNetworkSysctl(name)) found[name] = value;
  }
  return found;
}
