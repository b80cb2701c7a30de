// Attributes of an instance: those that mean something to Cloud Map, which of them a service's DNS records need, and custom ones.
import { isIPv4 } from "node:net";
import type { DiscoveryServiceRow, InstanceHealth } from "#domain/servicediscovery/records.ts";
import { lengthWithin, matching, oneOf } from "./constraints.ts";
import { invalidInput, notImplemented } from "./errors.ts";

const ADDRESS = "AWS_INSTANCE_IPV4";
const PORT = "AWS_INSTANCE_PORT";
const INITIAL_HEALTH = "AWS_INIT_HEALTH_STATUS";
const NOT_HERE = ["AWS_ALIAS_DNS_NAME", "AWS_EC2_INSTANCE_ID", "AWS_INSTANCE_CNAME", "AWS_INSTANCE_IPV6"];
/** RegisterInstance, "Custom attributes". */
const MOST_CUSTOM = 30;
const MOST_CHARACTERS = 5000;

/** @throws InvalidInput */
export function readAttributes(
  service: DiscoveryServiceRow,
  given: Readonly<Record<string, string>>,
): { readonly attributes: Readonly<Record<string, string>>; readonly health?: InstanceHealth } {
  const all = Object.entries(given);
  for (const [name, value] of all) {
    matching(lengthWithin(name, "attributes.key", 1, 255), "attributes.key", /^[!-~]+$/);
    matching(
      lengthWithin(value, "attributes.value", 0, 1024),
      "attributes.value",
      /^([!-~]([ \t!-~]*[!-~])?)?$/,
    );
    if (NOT_HERE.includes(name)) throw notImplemented(`The attribute ${name}`);
    if (name.startsWith("AWS_") && ![ADDRESS, PORT, INITIAL_HEALTH].includes(name))
      throw invalidInput(`The attribute ${name} is not supported: names that begin with AWS_ are reserved.`);
  }
  if (all.filter(([name]) => !name.startsWith("AWS_")).length > MOST_CUSTOM)
    throw invalidInput(`An instance can have up to ${MOST_CUSTOM} custom attributes.`);
  if (all.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > MOST_CHARACTERS)
    throw invalidInput(`The attributes of an instance can have up to ${MOST_CHARACTERS} characters.`);

  const { [ADDRESS]: address, [PORT]: port, [INITIAL_HEALTH]: health } = given;
  if (address !== undefined && !isIPv4(address)) throw invalidInput(`${ADDRESS} is not an IPv4 address.`);
  if (port !== undefined && !isPort(port)) throw invalidInput(`${PORT} is not a port.`);
  for (const { type } of service.dnsRecords)
    for (const needed of type === "A" ? [ADDRESS] : [ADDRESS, PORT])
      if (given[needed] === undefined)
        throw invalidInput(`The service has ${type} records: its instances need the attribute ${needed}.`);
  if (health === undefined) return { attributes: given };
  if (!service.customHealth)
    throw invalidInput(`${INITIAL_HEALTH} is for services that have a HealthCheckCustomConfig.`);
  return { attributes: given, health: oneOf(health, INITIAL_HEALTH, ["HEALTHY", "UNHEALTHY"] as const) };
}

const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
