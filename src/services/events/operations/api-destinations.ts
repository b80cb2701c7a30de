// API destinations: HTTP endpoints that rules call.
import type { CreateApiDestinationRequest } from "@aws-sdk/client-eventbridge";
import { apiDestinationArn, type ApiDestinationRow } from "#domain/events/connection.ts";
import type { Reader } from "#store/store.ts";
import { apiDestinations, connections, rules } from "#store/tables/events.ts";
import { checkDescription, checkLength, checkName, checkRange, honourOnly } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { alreadyExists, notFound, validationError } from "../errors.ts";
import { listed } from "../lookup.ts";

const METHODS: readonly string[] = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
/** EventBridge quotas, "Rate of invocations per API destination". */
const USUAL_RATE = 300;

const HONOURED = [
  "Name",
  "Description",
  "ConnectionArn",
  "InvocationEndpoint",
  "HttpMethod",
  "InvocationRateLimitPerSecond",
] as const satisfies readonly (keyof CreateApiDestinationRequest)[];

export function apiDestinationOperations({ store, clock, random, account }: EventsDependencies) {
  const keyOf = (region: string, name: string | undefined) => `${region}/${checkName(name, "name")}`;
  const found = (reader: Reader, region: string, name: string | undefined): ApiDestinationRow => {
    const row = reader.get(apiDestinations, keyOf(region, name));
    if (row === undefined) throw notFound(`An api-destination '${name ?? ""}'`);
    return row;
  };

  return {
    async CreateApiDestination(input, { region }) {
      honourOnly(input, HONOURED);
      const key = keyOf(region, input.Name);
      const now = clock.now();
      const row = await store.transact((tx) => {
        if (tx.get(apiDestinations, key) !== undefined)
          throw alreadyExists(`An api-destination '${input.Name ?? ""}'`);
        const made: ApiDestinationRow = {
          arn: apiDestinationArn(region, account, input.Name ?? "", random.uuid()),
          name: input.Name ?? "",
          region,
          ...checkDescription(input.Description),
          connectionArn: connectionOf(tx, input.ConnectionArn),
          endpoint: readEndpoint(input.InvocationEndpoint),
          method: readMethod(input.HttpMethod),
          ratePerSecond: readRate(input.InvocationRateLimitPerSecond),
          createdAt: now,
          updatedAt: now,
        };
        tx.put(apiDestinations, key, made);
        return made;
      });
      return shortly(row);
    },

    async UpdateApiDestination(input, { region }) {
      honourOnly(input, HONOURED);
      const row = await store.transact((tx) => {
        const before = found(tx, region, input.Name);
        const {
          ConnectionArn: connection = before.connectionArn,
          InvocationEndpoint: endpoint = before.endpoint,
          HttpMethod: method = before.method,
          InvocationRateLimitPerSecond: rate = before.ratePerSecond,
        } = input;
        const next: ApiDestinationRow = {
          ...before,
          ...checkDescription(input.Description),
          connectionArn: connectionOf(tx, connection),
          endpoint: readEndpoint(endpoint),
          method: readMethod(method),
          ratePerSecond: readRate(rate),
          updatedAt: clock.now(),
        };
        tx.put(apiDestinations, keyOf(region, input.Name), next);
        return next;
      });
      return shortly(row);
    },

    DescribeApiDestination(input, { region }) {
      const row = found(store, region, input.Name);
      return { ...show(row), Description: row.description };
    },

    ListApiDestinations(input, { region }) {
      const { NamePrefix: prefix = "", ConnectionArn: connection } = input;
      const rows = Array.from(
        store.scan(apiDestinations, { prefix: `${region}/${prefix}` }),
        ([, row]) => row,
      ).filter((row) => connection === undefined || row.connectionArn === connection);
      const question = ["ListApiDestinations", region, prefix, connection];
      const { items, more } = listed(rows, (row) => row.name, question, input);
      return { ApiDestinations: items.map(show), ...more };
    },

    async DeleteApiDestination(input, { region }) {
      await store.transact((tx) => {
        const row = found(tx, region, input.Name);
        if (tx.find(rules, "target", row.arn).length > 0)
          throw validationError("The api-destination is a target of a rule.");
        tx.delete(apiDestinations, keyOf(region, input.Name));
      });
      return {};
    },
  } satisfies EventsOperations;
}

function connectionOf(reader: Reader, arn: string | undefined): string {
  if (arn === undefined || reader.find(connections, "arn", arn).length === 0)
    throw notFound(`Connection '${(arn ?? "").slice(0, 256)}'`);
  return arn;
}

/** AWS takes https only; an endpoint of one's own machines may be without. */
function readEndpoint(given: string | undefined): string {
  const text = checkLength(given ?? "", "invocationEndpoint", 1, 2048);
  const parsed = URL.canParse(text.replaceAll("*", "x")) ? new URL(text.replaceAll("*", "x")) : undefined;
  const isRight = parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.username === "";
  // A `*` stands for a part of the path, never for where the call goes.
  if (!isRight || !/^https?:\/\/[^/*?#]+(\/|$)/.test(text) || parsed.hash !== "")
    throw validationError("Parameter InvocationEndpoint is not valid.");
  return text;
}

function readMethod(given: string | undefined): ApiDestinationRow["method"] {
  if (!METHODS.includes(given ?? "")) throw validationError("Parameter HttpMethod is not valid.");
  return given as ApiDestinationRow["method"];
}

const readRate = (given: number | undefined): number =>
  checkRange(given ?? USUAL_RATE, "invocationRateLimitPerSecond", 1, 1_000_000);

const shortly = (row: ApiDestinationRow) => ({
  ApiDestinationArn: row.arn,
  ApiDestinationState: "ACTIVE" as const,
  CreationTime: new Date(row.createdAt),
  LastModifiedTime: new Date(row.updatedAt),
});

const show = (row: ApiDestinationRow) => ({
  ...shortly(row),
  Name: row.name,
  ConnectionArn: row.connectionArn,
  InvocationEndpoint: row.endpoint,
  HttpMethod: row.method,
  InvocationRateLimitPerSecond: row.ratePerSecond,
});
