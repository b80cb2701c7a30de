// What an agent's registration says: its resources and attributes, checked against the host that it runs on. The instance type's
// size wins over what the agent counted, because agents count the whole machine.
import type { Attribute, RegisterContainerInstanceRequest, Resource } from "@aws-sdk/client-ecs";
import {
  EXTERNAL_ATTRIBUTE,
  isCustomAttribute,
  isExternal,
  type HostResources,
  type InstanceAttribute,
} from "#domain/ecs/container-instance.ts";
import { isManagedInstance } from "#domain/join/records.ts";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import { instanceType } from "#domain/ec2/instance-types.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import type { EcsDependencies } from "./dependencies.ts";
import { accessDenied, invalidParameter, notImplemented } from "./errors.ts";
import { callingInstance, notOwn } from "./own-instance.ts";

interface Identity {
  readonly instanceId: string;
  readonly accountId: string;
  readonly region: string;
}

/** The `mi-…` id of the machine that registers itself, if that is one of ECS Anywhere's. */
export function managedInstanceOf(context: RequestContext): string | undefined {
  const caller = callingInstance(context);
  return caller !== undefined && isManagedInstance(caller) ? caller : undefined;
}

/**
 * The EC2 instance behind a registration; undefined for a host that has none, which only callers other than instances may
 * register. An instance must present its own signed identity document.
 * @throws AccessDeniedException, InvalidParameterException
 */
export function hostOf(
  reader: Reader,
  verify: EcsDependencies["verifyIdentityDocument"],
  input: RegisterContainerInstanceRequest,
  context: RequestContext,
): InstanceRow | undefined {
  const caller = callingInstance(context);
  const document = input.instanceIdentityDocument ?? "";
  if (document === "") {
    // The agent sends none when it could not read it in time: denied, it starts again and tries anew.
    if (caller !== undefined && !isManagedInstance(caller))
      throw accessDenied("The instance identity document is missing.");
    return undefined;
  }
  if (!verify(document, input.instanceIdentityDocumentSignature ?? ""))
    throw accessDenied("The signature of the instance identity document is not valid.");
  const { instanceId, accountId, region } = readDocument(document);
  if (caller !== undefined && instanceId !== caller) throw notOwn(context, instanceId);
  if (accountId !== context.account || region !== context.region)
    throw accessDenied("The instance identity document belongs to another account or Region.");
  const row = reader.find(instances, "id", instanceId)[0]?.[1];
  if (row === undefined || row.state === "shutting-down" || row.state === "terminated")
    throw accessDenied(`The instance ${instanceId} is not running.`);
  return row;
}

function readDocument(document: string): Identity {
  try {
    const parsed = JSON.parse(document) as Partial<Identity> | null;
    const { instanceId = "", accountId = "", region = "" } = parsed ?? {};
    return { instanceId, accountId, region };
  } catch {
    throw invalidParameter("The instance identity document cannot be read.");
  }
}

export interface RegisteredResources {
  readonly registered: HostResources;
  readonly reservedTcpPorts: readonly number[];
  readonly reservedUdpPorts: readonly number[];
}

/** @throws InvalidParameterException */
export function readResources(
  resources: readonly Resource[],
  host: InstanceRow | undefined,
): RegisteredResources {
  const byName = new Map(resources.map((r) => [r.name ?? "", r]));
  for (const name of byName.keys())
    if (!["CPU", "MEMORY", "PORTS", "PORTS_UDP"].includes(name))
      throw notImplemented(`The resource '${name}'`);
  const number = (name: string): number => {
    const value = byName.get(name)?.integerValue;
    if (value === undefined || !Number.isInteger(value) || value < 0)
      throw invalidParameter(`The resource ${name} must have an integerValue.`);
    return value;
  };
  const ports = (name: string): readonly number[] =>
    (byName.get(name)?.stringSetValue ?? []).map((text) => {
      const port = Number(text);
      if (!/^\d{1,5}$/.test(text) || port > 65_535)
        throw invalidParameter(`Invalid port '${text}' in the resource ${name}.`);
      return port;
    });
  const size = host === undefined ? undefined : instanceType(host.instanceType);
  return {
    registered: {
      cpu: Math.min(number("CPU"), size === undefined ? Infinity : size.vcpus * 1024),
      memoryMiB: Math.min(number("MEMORY"), size?.memoryMiB ?? Infinity),
    },
    reservedTcpPorts: ports("PORTS"),
    reservedUdpPorts: ports("PORTS_UDP"),
  };
}

/**
 * The agent's attributes exactly as sent, because an agent that does not get its own back exits for good, and behind them what
 * the platform knows of the host. @throws InvalidParameterException when the agent contradicts that
 */
export function readAttributes(
  given: readonly Attribute[],
  host: InstanceRow | undefined,
  managed?: string,
): readonly InstanceAttribute[] {
  const sent = given.map(({ name = "", value }): InstanceAttribute => {
    // The agent's own (versions, operating systems) are not held to the alphabet of custom values.
    checkAttribute(name, isCustomAttribute(name) ? value : undefined);
    return { name, ...(value === undefined ? {} : { value }) };
  });
  const names = new Set(sent.map((a) => a.name));
  if (names.size !== sent.length) throw invalidParameter("An attribute occurs twice.");
  if (host !== undefined && isExternal({ attributes: sent }))
    throw invalidParameter(`The attribute ${EXTERNAL_ATTRIBUTE} is for hosts that are no EC2 instances.`);
  if (managed !== undefined && !isExternal({ attributes: sent }))
    throw invalidParameter(`The managed instance ${managed} must have the attribute ${EXTERNAL_ATTRIBUTE}.`);
  const facts = host === undefined ? {} : factsOf(host);
  for (const { name, value } of sent) {
    const fact = facts[name];
    if (fact !== undefined && value !== fact)
      throw invalidParameter(`The attribute ${name} is '${fact}' on this instance, not '${value ?? ""}'.`);
  }
  const added = Object.entries(facts).filter(([name]) => !names.has(name));
  return [...sent, ...added.map(([name, value]) => ({ name, value }))];
}

function factsOf(host: InstanceRow): Readonly<Record<string, string>> {
  return {
    "ecs.availability-zone": host.availabilityZone,
    "ecs.instance-type": host.instanceType,
    "ecs.ami-id": host.imageId,
    "ecs.cpu-architecture": instanceType(host.instanceType)?.architecture ?? "x86_64",
    "ecs.vpc-id": host.vpcId,
    "ecs.subnet-id": host.subnetId,
  };
}

/** API reference, "Attribute". @throws InvalidParameterException */
export function checkAttribute(name: string, value: string | undefined): void {
  if (!/^[A-Za-z0-9_./\\-]{1,128}$/.test(name))
    throw invalidParameter(
      `Invalid attribute name '${name}': 1 to 128 letters, numbers, and the characters - _ / \\ . are allowed.`,
    );
  if (value !== undefined && (!/^[A-Za-z0-9_.@:/\\ -]{0,128}$/.test(value) || value !== value.trim()))
    throw invalidParameter(
      `Invalid value of the attribute '${name}': up to 128 letters, numbers, spaces inside, and the characters - _ . @ : / \\ are allowed.`,
    );
}
