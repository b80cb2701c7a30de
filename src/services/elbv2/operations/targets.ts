// Registering, deregistering and the health of targets. ECS registers its tasks' targets itself, by the same transitions.
import type { TargetDescription, TargetHealthDescription } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ServiceError } from "#lib/errors.ts";
import { newElbId } from "#lib/ids.ts";
import { blockContains, parseBlock, parseIpv4 } from "#domain/ec2/ipv4.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import type { LoadBalancerRow, TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import { drainTarget, removeTarget, targetRowKey, type TargetRow } from "#domain/elbv2/target.ts";
import { notRegistered, shownHealth } from "#domain/elbv2/target-health.ts";
import type { Reader } from "#store/store.ts";
import { instances, subnets, vpcs } from "#store/tables/ec2.ts";
import { loadBalancers, targets } from "#store/tables/elbv2.ts";
import { inRange } from "../constraints.ts";
import type { Elbv2Dependencies, Elbv2Operations } from "../dependencies.ts";
import { notImplemented, validationError } from "../errors.ts";
import { loadBalancersInFront, targetGroupOf } from "../lookup.ts";

/** Application Load Balancer quotas, "Targets per Application Load Balancer". */
const MOST_TARGETS = 1000;
const BATCH = 90;

interface Asked {
  readonly id: string;
  readonly port: number;
}

const invalidTarget = (message: string) => new ServiceError("InvalidTarget", message);

export function targetOperations(deps: Elbv2Dependencies) {
  const { store, clock, random } = deps;
  return {
    async RegisterTargets(input, { region }) {
      const first = targetGroupOf(store, region, input.TargetGroupArn);
      const asked = readTargets(first, input.Targets);
      checkTargets(store, first, asked, input.Targets ?? []);
      for (let at = 0; at < asked.length; at += BATCH) {
        await store.transact((tx) => {
          const group = targetGroupOf(tx, region, input.TargetGroupArn);
          const rows = tx.find(targets, "targetGroup", group.arn).map(([, row]) => row);
          const registered = rows.filter((row) => row.lifecycle === "registered");
          const fresh = asked.slice(at, at + BATCH).filter((a) => find(registered, a) === undefined);
          if (registered.length + fresh.length > MOST_TARGETS) {
            throw new ServiceError(
              "TooManyTargets",
              `The maximum number of targets has been reached for the target group '${group.arn}'`,
            );
          }
          for (const { id, port } of fresh) {
            const place = locate(tx, group, id);
            const key = newElbId(random);
            tx.put(targets, targetRowKey(group.id, key), {
              targetGroupArn: group.arn,
              targetGroupId: group.id,
              key,
              targetId: id,
              port,
              address: place.address,
              availabilityZone: place.zone,
              lifecycle: "registered",
              registeredAt: clock.now(),
              idleOn: [],
              health: {},
            });
          }
        });
      }
      return {};
    },

    /** A target that is not registered is no error, as on AWS. Behind no load balancer nothing can be in flight. */
    async DeregisterTargets(input, { region }) {
      const asked = readTargets(targetGroupOf(store, region, input.TargetGroupArn), input.Targets);
      for (let at = 0; at < asked.length; at += BATCH) {
        await store.transact((tx) => {
          const group = targetGroupOf(tx, region, input.TargetGroupArn);
          const delay = Number(group.attributes["deregistration_delay.timeout_seconds"] ?? 300);
          const inUse = loadBalancersInFront(tx, group.arn).length > 0;
          const rows = tx.find(targets, "targetGroup", group.arn).map(([, row]) => row);
          for (const one of asked.slice(at, at + BATCH)) {
            const row = find(
              rows.filter((r) => r.lifecycle === "registered"),
              one,
            );
            if (row === undefined) continue;
            tx.put(
              targets,
              targetRowKey(group.id, row.key),
              inUse ? drainTarget(row, delay, clock.now()) : removeTarget(row, 0, clock.now()),
            );
          }
        });
      }
      return {};
    },

    DescribeTargetHealth(input, { region }) {
      if ((input.Include ?? []).length > 0) throw notImplemented("Include", "ValidationError");
      const group = targetGroupOf(store, region, input.TargetGroupArn);
      const inFront = loadBalancersInFront(store, group.arn).flatMap((arn) =>
        store.find(loadBalancers, "arn", arn).map(([, row]) => row),
      );
      const shown = showTargets(deps, group, inFront);
      if (input.Targets === undefined || input.Targets.length === 0)
        return { TargetHealthDescriptions: [...shown.values()] };
      const asked = readTargets(group, input.Targets);
      return {
        TargetHealthDescriptions: asked.map(
          ({ id, port }): TargetHealthDescription =>
            shown.get(`${id}:${port}`) ?? {
              Target: { Id: id, Port: port },
              TargetHealth: {
                State: notRegistered.state,
                Reason: "Target.NotRegistered",
                Description: notRegistered.description,
              },
            },
        ),
      };
    },
  } satisfies Elbv2Operations;
}

/** By `id:port`; a new registration hides its draining predecessor. */
function showTargets(
  { store, clock, proxy }: Elbv2Dependencies,
  group: TargetGroupRow,
  inFront: readonly LoadBalancerRow[],
): Map<string, TargetHealthDescription> {
  const shown = new Map<string, TargetHealthDescription>();
  const rows = store.find(targets, "targetGroup", group.arn).map(([, row]) => row);
  const order = (row: TargetRow) => (row.lifecycle === "registered" ? 1 : 0);
  for (const row of rows.sort((a, b) => order(a) - order(b))) {
    const state =
      group.targetType === "instance"
        ? store.get(instances, ec2Key(group.region, row.targetId))?.state
        : undefined;
    const health = shownHealth(row, group, inFront, proxy.nodes(), state, clock.now());
    if (health === undefined) continue;
    const { port: checkPort } = group.healthCheck;
    shown.set(`${row.targetId}:${row.port}`, {
      Target: {
        Id: row.targetId,
        Port: row.port,
        ...(group.targetType === "ip" ? { AvailabilityZone: row.availabilityZone } : {}),
      },
      HealthCheckPort: checkPort === "traffic-port" ? String(row.port) : checkPort,
      TargetHealth: {
        State: health.state,
        ...(health.reason === undefined
          ? {}
          : { Reason: health.reason as NonNullable<TargetHealthDescription["TargetHealth"]>["Reason"] }),
        ...(health.description === undefined ? {} : { Description: health.description }),
      },
    });
  }
  return shown;
}

function readTargets(
  group: TargetGroupRow,
  given: readonly TargetDescription[] | undefined,
): readonly Asked[] {
  if (given === undefined || given.length === 0)
    throw validationError("At least one target must be specified");
  const asked = given.map(({ Id: id = "", Port: port = group.port, QuicServerId: quic }) => {
    if (quic !== undefined) throw notImplemented("Targets.QuicServerId", "ValidationError");
    return { id, port: inRange(port, "targets.member.port", 1, 65_535) };
  });
  return [...new Map(asked.map((a) => [`${a.id}:${a.port}`, a])).values()];
}

const find = (rows: readonly TargetRow[], { id, port }: Asked): TargetRow | undefined =>
  rows.find((row) => row.targetId === id && row.port === port);

function checkTargets(
  reader: Reader,
  group: TargetGroupRow,
  asked: readonly Asked[],
  given: readonly TargetDescription[],
): void {
  if (group.targetType === "ip") {
    const zones = new Set(reader.find(subnets, "vpc", group.vpcId).map(([, row]) => row.availabilityZone));
    for (const { AvailabilityZone: zone } of given) {
      if (zone !== undefined && zone !== "all" && !zones.has(zone))
        throw validationError(`Availability Zone '${zone}' is not valid`);
    }
    for (const { id } of asked) locate(reader, group, id);
    return;
  }
  const ids = [...new Set(asked.map((a) => a.id))];
  const rows = ids.map((id) => [id, reader.get(instances, ec2Key(group.region, id))] as const);
  const list = (which: (row: (typeof rows)[number][1]) => boolean) =>
    rows.flatMap(([id, row]) => (which(row) ? [`'${id}'`] : [])).join(", ");
  const unknown = list((row) => row === undefined);
  if (unknown !== "") throw invalidTarget(`The following targets do not exist: ${unknown}`);
  const stopped = list((row) => row?.state !== "running");
  if (stopped !== "") {
    throw invalidTarget(
      `The following targets are not in a running state and cannot be registered: ${stopped}`,
    );
  }
  const elsewhere = list((row) => row?.vpcId !== group.vpcId);
  if (elsewhere !== "")
    throw invalidTarget(
      `The following targets are not in the target group VPC '${group.vpcId}': ${elsewhere}`,
    );
}

/** Where a target's connections go. @throws ValidationError, InvalidTarget */
function locate(reader: Reader, group: TargetGroupRow, id: string): { address: string; zone: string } {
  if (group.targetType === "instance") {
    const row = reader.get(instances, ec2Key(group.region, id));
    if (row?.state !== "running")
      throw invalidTarget(
        `The following targets are not in a running state and cannot be registered: '${id}'`,
      );
    return { address: row.privateIp, zone: row.availabilityZone };
  }
  const number = parseIpv4(id);
  if (number === undefined) throw validationError(`The IP address '${id}' is not a valid IPv4 address`);
  const vpc = reader.get(vpcs, ec2Key(group.region, group.vpcId));
  const holds = (block: string | undefined) => {
    const parsed = block === undefined ? undefined : parseBlock(block);
    return parsed !== undefined && blockContains(parsed, number);
  };
  if (!holds(vpc?.cidrBlock)) {
    throw invalidTarget(
      `The IP address '${id}' is not within the VPC '${group.vpcId}' of the target group; other networks are not implemented by Estiba`,
    );
  }
  const subnet = reader.find(subnets, "vpc", group.vpcId).find(([, row]) => holds(row.cidrBlock));
  return { address: id, zone: subnet?.[1].availabilityZone ?? "all" };
}
