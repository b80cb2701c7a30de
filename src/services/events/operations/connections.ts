// Connections: how calls to an HTTP endpoint prove themselves. What is secret is sealed at once and never shown.
import type {
  ConnectionHttpParameters,
  CreateConnectionAuthRequestParameters,
  CreateConnectionRequest,
  UpdateConnectionAuthRequestParameters,
} from "@aws-sdk/client-eventbridge";
import {
  connectionArn,
  type ConnectionRow,
  type ConnectionSecret,
  type ShownParameter,
} from "#domain/events/connection.ts";
import { connections } from "#store/tables/events.ts";
import { checkDescription, checkLength, checkName, honourOnly } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { alreadyExists, notFound, notImplemented, validationError } from "../errors.ts";
import { listed } from "../lookup.ts";
import { checkHeader } from "../read-target.ts";

type AuthParameters = CreateConnectionAuthRequestParameters | UpdateConnectionAuthRequestParameters;
type Authorization = Pick<ConnectionRow, "authorizationType" | "publicName" | "sealed" | "headers" | "query">;

export function connectionOperations({ store, clock, random, account, sealer }: EventsDependencies) {
  const keyOf = (region: string, name: string | undefined) => `${region}/${checkName(name, "name")}`;
  const found = (
    reader: Pick<typeof store, "get">,
    region: string,
    name: string | undefined,
  ): ConnectionRow => {
    const row = reader.get(connections, keyOf(region, name));
    if (row === undefined) throw notFound(`Failed to describe the connection(s). Connection '${name ?? ""}'`);
    return row;
  };

  return {
    async CreateConnection(input, { region }) {
      honourOnly(input, ["Name", "Description", "AuthorizationType", "AuthParameters"]);
      const key = keyOf(region, input.Name);
      const now = clock.now();
      const row: ConnectionRow = {
        arn: connectionArn(region, account, input.Name ?? "", random.uuid()),
        name: input.Name ?? "",
        region,
        ...checkDescription(input.Description),
        ...readAuthorization(input.AuthorizationType, input.AuthParameters ?? {}, (text) =>
          sealer.seal(text),
        ),
        createdAt: now,
        updatedAt: now,
      };
      await store.transact((tx) => {
        if (tx.get(connections, key) !== undefined) throw alreadyExists(`Connection ${row.name}`);
        tx.put(connections, key, row);
      });
      return shortly(row);
    },

    /** The authorization is given anew as a whole, or not at all. */
    async UpdateConnection(input, { region }) {
      honourOnly(input, ["Name", "Description", "AuthorizationType", "AuthParameters"]);
      if ((input.AuthorizationType === undefined) !== (input.AuthParameters === undefined))
        throw notImplemented("Changing a part of a connection's authorization");
      const authorization =
        input.AuthParameters === undefined
          ? {}
          : readAuthorization(input.AuthorizationType, input.AuthParameters, (text) => sealer.seal(text));
      const row = await store.transact((tx) => {
        const next = {
          ...found(tx, region, input.Name),
          ...checkDescription(input.Description),
          ...authorization,
          updatedAt: clock.now(),
        };
        tx.put(connections, keyOf(region, input.Name), next);
        return next;
      });
      return { ...shortly(row), LastModifiedTime: new Date(row.updatedAt) };
    },

    DescribeConnection(input, { region }) {
      const row = found(store, region, input.Name);
      return { ...showConnection(row), Description: row.description, AuthParameters: showAuthorization(row) };
    },

    ListConnections(input, { region }) {
      honourOnly(input, ["NamePrefix", "ConnectionState", "NextToken", "Limit"]);
      const { NamePrefix: prefix = "", ConnectionState: state = "AUTHORIZED" } = input;
      const rows =
        state === "AUTHORIZED"
          ? Array.from(store.scan(connections, { prefix: `${region}/${prefix}` }), ([, row]) => row)
          : [];
      const question = ["ListConnections", region, prefix, state];
      const { items, more } = listed(rows, (row) => row.name, question, input);
      return { Connections: items.map(showConnection), ...more };
    },

    /** API destinations that use it stay, and no longer work: as on AWS. */
    async DeleteConnection(input, { region }) {
      const row = await store.transact((tx) => {
        const before = found(tx, region, input.Name);
        tx.delete(connections, keyOf(region, input.Name));
        return before;
      });
      return { ...shortly(row), ConnectionState: "DELETING" as const };
    },
  } satisfies EventsOperations;
}

function readAuthorization(
  type: CreateConnectionRequest["AuthorizationType"],
  given: AuthParameters,
  seal: (text: string) => string,
): Authorization {
  if (type === "OAUTH_CLIENT_CREDENTIALS")
    throw notImplemented("The AuthorizationType OAUTH_CLIENT_CREDENTIALS");
  const {
    ApiKeyAuthParameters: key,
    BasicAuthParameters: basic,
    InvocationHttpParameters: more = {},
  } = given;
  honourOnly(
    given,
    [type === "BASIC" ? "BasicAuthParameters" : "ApiKeyAuthParameters", "InvocationHttpParameters"],
    "AuthParameters.",
  );
  const extra = readParameters(more);
  const sealed = (headers: Readonly<Record<string, string>>): string => {
    const secret: ConnectionSecret = {
      headers: { ...extra.secret.headers, ...headers },
      query: extra.secret.query,
    };
    return seal(JSON.stringify(secret));
  };
  if (type === "API_KEY") {
    const name = key?.ApiKeyName ?? "";
    const value = key?.ApiKeyValue ?? "";
    checkHeader(name, checkLength(value, "authParameters.apiKeyAuthParameters.apiKeyValue", 1, 512));
    return { authorizationType: type, publicName: name, sealed: sealed({ [name]: value }), ...extra.shown };
  }
  if (type !== "BASIC") throw validationError(`Parameter AuthorizationType is not valid.`);
  const user = checkLength(basic?.Username ?? "", "authParameters.basicAuthParameters.username", 1, 512);
  const password = checkLength(basic?.Password ?? "", "authParameters.basicAuthParameters.password", 1, 512);
  if (user.includes(":")) throw validationError("Parameter Username is not valid.");
  const token = Buffer.from(`${user}:${password}`, "utf8").toString("base64");
  return {
    authorizationType: type,
    publicName: user,
    sealed: sealed({ Authorization: `Basic ${token}` }),
    ...extra.shown,
  };
}

interface Parameter {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
  readonly IsValueSecret?: boolean | undefined;
}

function readParameters(given: ConnectionHttpParameters) {
  honourOnly(
    given,
    ["HeaderParameters", "QueryStringParameters"],
    "AuthParameters.InvocationHttpParameters.",
  );
  const headers = given.HeaderParameters ?? [];
  const query = given.QueryStringParameters ?? [];
  if (headers.length > MOST_PARAMETERS || query.length > MOST_PARAMETERS)
    throw validationError(`A connection can have at most ${MOST_PARAMETERS} parameters of a kind.`);
  for (const { Key: name = "", Value: value = "" } of headers) checkHeader(name, value);
  return {
    secret: { headers: valuesOf(headers), query: valuesOf(query) },
    shown: { headers: headers.map(shown), query: query.map(shown) },
  };
}

const MOST_PARAMETERS = 100;

const valuesOf = (list: readonly Parameter[]): Readonly<Record<string, string>> =>
  Object.fromEntries(list.map(({ Key: name = "", Value: value = "" }) => [name, value]));
const shown = ({
  Key: name = "",
  Value: value = "",
  IsValueSecret: isSecret = false,
}: Parameter): ShownParameter => (isSecret ? { name } : { name, value });

const shortly = (row: ConnectionRow) => ({
  ConnectionArn: row.arn,
  ConnectionState: "AUTHORIZED" as const,
  CreationTime: new Date(row.createdAt),
  LastModifiedTime: new Date(row.updatedAt),
  LastAuthorizedTime: new Date(row.updatedAt),
});

const showConnection = (row: ConnectionRow) => ({
  ...shortly(row),
  Name: row.name,
  AuthorizationType: row.authorizationType,
});

function showAuthorization(row: ConnectionRow) {
  const list = (parameters: readonly ShownParameter[]) =>
    parameters.map(({ name, value }) => ({ Key: name, Value: value, IsValueSecret: value === undefined }));
  const hasMore = row.headers.length + row.query.length > 0;
  return {
    ...(row.authorizationType === "API_KEY"
      ? { ApiKeyAuthParameters: { ApiKeyName: row.publicName } }
      : { BasicAuthParameters: { Username: row.publicName } }),
    ...(hasMore
      ? {
          InvocationHttpParameters: {
            HeaderParameters: list(row.headers),
            QueryStringParameters: list(row.query),
          },
        }
      : {}),
  };
}
