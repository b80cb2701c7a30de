// Connections (how a call to an HTTP endpoint proves itself) and API destinations (where it goes), as stored. Keys: region/name.
import { formatArn } from "#lib/arn.ts";

export interface ConnectionRow {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly description?: string;
  readonly authorizationType: "API_KEY" | "BASIC";
  /** The header's name, or the user's. The secret is not here. */
  readonly publicName: string;
  /** ConnectionSecret as JSON, sealed. */
  readonly sealed: string;
  /** Names of the invocation's headers and query parameters, with the values of those that are no secrets. */
  readonly headers: readonly ShownParameter[];
  readonly query: readonly ShownParameter[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ShownParameter {
  readonly name: string;
  /** Absent for a secret. */
  readonly value?: string;
}

/** What is added to each request, in clear only while it is sent. */
export interface ConnectionSecret {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export interface ApiDestinationRow {
  readonly arn: string;
  readonly name: string;
  readonly region: string;
  readonly description?: string;
  readonly connectionArn: string;
  readonly endpoint: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  readonly ratePerSecond: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Both ARNs end in an id of their own. */
export const connectionArn = (region: string, account: string, name: string, id: string): string =>
  formatArn({ service: "events", region, account, resource: `connection/${name}/${id}` });
export const apiDestinationArn = (region: string, account: string, name: string, id: string): string =>
  formatArn({ service: "events", region, account, resource: `api-destination/${name}/${id}` });
