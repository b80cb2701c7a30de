// Describing and terminating instances, their status, console output and attributes.
import type { InstanceAttribute, InstanceStatus } from "@aws-sdk/client-ec2";
import { messageOf, ServiceError } from "#lib/errors.ts";
import { ec2Key, type InstanceRow, setMetadataOptions, terminateInstance } from "#domain/ec2/instance.ts";
import type { Reader } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, invalidCombination, invalidParameter, notFound, notImplemented } from "../errors.ts";
import { filterRows } from "../filters.ts";
import { instanceFields, statusFields, tagsOf } from "../instance-fields.ts";
import { readHopLimit, readHttpEndpoint, readHttpTokens } from "../launch-request.ts";
import { page } from "../paging.ts";
import { refuseMetadataOptions } from "../refused.ts";
import { showInstance, showReservations, showState } from "../show-instance.ts";

/** Rows of one transaction: with user data and all the tags there can be, a row has up to 140 KiB. */
const BATCH = 7;

export function instanceOperations(deps: Ec2Dependencies) {
  const { store, clock } = deps;
  return {
    DescribeInstances(input, context) {
      const { region } = context;
      if (input.MaxResults !== undefined && (input.InstanceIds ?? []).length > 0)
        throw invalidCombination("The parameter instancesSet cannot be used with the parameter maxResults");
      const rows = filterRows(
        named(store, region, input.InstanceIds),
        input.Filters,
        instanceFields(store),
        tagsOf,
      );
      const { items, rest } = page(rows, (r) => `${r.reservationId}/${r.id}`, context, input);
      return { Reservations: showReservations(store, items), ...rest };
    },

    DescribeInstanceStatus(input, context) {
      const { region } = context;
      if (input.MaxResults !== undefined && (input.InstanceIds ?? []).length > 0)
        throw invalidCombination("The parameter instancesSet cannot be used with the parameter maxResults");
      const all = named(store, region, input.InstanceIds);
      const shown = input.IncludeAllInstances === true ? all : all.filter((row) => row.state === "running");
      const rows = filterRows(shown, input.Filters, statusFields, tagsOf);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { InstanceStatuses: items.map((row) => showStatus(row)), ...rest };
    },

    /** Terminating what is terminated is no error, as on EC2; an unknown id terminates none. */
    async TerminateInstances(input, { region }) {
      const ids = [...new Set((input.InstanceIds ?? []).map((id) => checkId("instance", id)))];
      named(store, region, ids);
      const reason = {
        code: "Client.UserInitiatedShutdown",
        message: "Client.UserInitiatedShutdown: User initiated shutdown",
      };
      const answers = [];
      for (let at = 0; at < ids.length; at += BATCH) {
        const batch = ids.slice(at, at + BATCH);
        const changed = await store.transact((tx) =>
          named(tx, region, batch).map((before) => {
            const after = terminateInstance(before, reason, clock.now());
            if (after !== before) tx.put(instances, ec2Key(region, after.id), after);
            return { before, after };
          }),
        );
        answers.push(...changed);
      }
      return {
        TerminatingInstances: answers.map(({ before, after }) => ({
          InstanceId: after.id,
          CurrentState: showState(after.state),
          PreviousState: showState(before.state),
        })),
      };
    },

    async GetConsoleOutput(input, { region }) {
      const [row] = named(store, region, [input.InstanceId ?? ""]);
      if (row === undefined) throw notFound("instance", [input.InstanceId ?? ""]);
      const output = await deps.consoleOutput(row.id).catch((error: unknown) => {
        deps.logger.warn("an instance's console output could not be read", {
          instanceId: row.id,
          reason: messageOf(error),
        });
        return "";
      });
      // Of a launch that failed the reason stays readable after everything of the host is gone.
      const failure =
        row.stateReason?.code.startsWith("Server.") === true ? `${row.stateReason.message}\n` : "";
      const text = output === "" || output.endsWith("\n") ? output + failure : `${output}\n${failure}`;
      return {
        InstanceId: row.id,
        ...(text === "" ? {} : { Output: Buffer.from(text).toString("base64") }),
        Timestamp: new Date(clock.now()),
      };
    },

    DescribeInstanceAttribute(input, { region }) {
      const [row] = named(store, region, [input.InstanceId ?? ""]);
      if (row === undefined) throw notFound("instance", [input.InstanceId ?? ""]);
      return { InstanceId: row.id, ...attributeOf(store, row, input.Attribute ?? "") };
    },

    /** The hop limit is built into the host's network, so it stays as it was at launch. */
    async ModifyInstanceMetadataOptions(input, { region }) {
      refuseMetadataOptions(input, "");
      const tokens = input.HttpTokens === undefined ? {} : { httpTokens: readHttpTokens(input.HttpTokens) };
      const endpoint =
        input.HttpEndpoint === undefined ? {} : { httpEndpoint: readHttpEndpoint(input.HttpEndpoint) };
      const hops =
        input.HttpPutResponseHopLimit === undefined ? undefined : readHopLimit(input.HttpPutResponseHopLimit);
      const row = await store.transact((tx) => {
        const [before] = named(tx, region, [input.InstanceId ?? ""]);
        if (before === undefined) throw notFound("instance", [input.InstanceId ?? ""]);
        if (hops !== undefined && hops !== before.metadataOptions.httpPutResponseHopLimit)
          throw notImplemented("Changing HttpPutResponseHopLimit after the launch");
        if (before.state !== "pending" && before.state !== "running") {
          throw new ServiceError(
            "IncorrectInstanceState",
            `The instance '${before.id}' is not in a state from which its metadata options can be modified.`,
          );
        }
        const after = setMetadataOptions(before, { ...tokens, ...endpoint });
        tx.put(instances, ec2Key(region, after.id), after);
        return after;
      });
      const shown = showInstance(store, row).MetadataOptions;
      return {
        InstanceId: row.id,
        ...(shown === undefined ? {} : { InstanceMetadataOptions: shown }),
      };
    },
  } satisfies Ec2Operations;
}

/** The instances named, or all of the region. @throws InvalidInstanceID.Malformed, InvalidInstanceID.NotFound naming every missing one */
function named(reader: Reader, region: string, ids: readonly string[] | undefined): readonly InstanceRow[] {
  if (ids === undefined || ids.length === 0)
    return Array.from(reader.scan(instances, { prefix: `${region}/` }), ([, row]) => row);
  const found = [...new Set(ids)].map(
    (id) => [id, reader.get(instances, ec2Key(region, checkId("instance", id)))] as const,
  );
  const missing = found.flatMap(([id, row]) => (row === undefined ? [id] : []));
  if (missing.length > 0) throw notFound("instance", missing);
  return found.flatMap(([, row]) => (row === undefined ? [] : [row]));
}

function showStatus(row: InstanceRow): InstanceStatus {
  const summary =
    row.state === "running"
      ? { Status: "ok" as const, Details: [{ Name: "reachability" as const, Status: "passed" as const }] }
      : row.state === "pending"
        ? {
            Status: "initializing" as const,
            Details: [{ Name: "reachability" as const, Status: "initializing" as const }],
          }
        : { Status: "not-applicable" as const };
  return {
    InstanceId: row.id,
    AvailabilityZone: row.availabilityZone,
    InstanceState: showState(row.state),
    InstanceStatus: summary,
    SystemStatus: summary,
    Events: [],
  };
}

function attributeOf(
  reader: Reader,
  row: InstanceRow,
  attribute: string,
): Omit<InstanceAttribute, "InstanceId"> {
  switch (attribute) {
    case "instanceType":
      return { InstanceType: { Value: row.instanceType } };
    case "userData":
      return { UserData: row.userData === undefined ? {} : { Value: row.userData } };
    case "disableApiTermination":
      return { DisableApiTermination: { Value: false } };
    case "disableApiStop":
      return { DisableApiStop: { Value: false } };
    case "ebsOptimized":
      return { EbsOptimized: { Value: false } };
    case "enaSupport":
      return { EnaSupport: { Value: true } };
    case "sourceDestCheck":
      return { SourceDestCheck: { Value: true } };
    case "instanceInitiatedShutdownBehavior":
      return { InstanceInitiatedShutdownBehavior: { Value: "stop" } };
    case "groupSet":
      return { Groups: showInstance(reader, row).SecurityGroups };
    case "blockDeviceMapping":
      return { BlockDeviceMappings: [] };
    default:
      throw invalidParameter(attribute, "attribute", "Estiba's instances have no such attribute.");
  }
}
