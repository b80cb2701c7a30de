// The instance metadata service, versions 1 and 2, as EC2 answers it: who may ask, and the answer's status. What it tells
// stands in tree.ts; that a request reaches the service only within its hop limit is the network's.
import type { IncomingMessage, ServerResponse } from "node:http";
import { instanceType } from "#domain/ec2/instance-types.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { CredentialIssuer } from "#domain/ports/credential-issuer.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Store } from "#store/store.ts";
import { instances, networkInterfaces, securityGroups, subnets, vpcs } from "#store/tables/ec2.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import { poolIdentity } from "./pool-identity.ts";
import { createRoleCredentials } from "./role-credentials.ts";
import { createSessionTokens, MAXIMUM_TOKEN_SECONDS } from "./session-token.ts";
import { metadataTree, readTree } from "./tree.ts";

export interface ImdsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  readonly issuer: CredentialIssuer;
  /** Signs identity documents and session tokens. */
  readonly sign: (document: string) => string;
}

export interface Imds {
  /** `source`: the VPC that the request came from, and the address in it. */
  handle(
    req: IncomingMessage,
    res: ServerResponse,
    source: { readonly vpcId: string; readonly address: string },
  ): void;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TOKEN_PATH = "/latest/api/token";
const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  500: "Internal Server Error",
};

export function createImds(parts: ImdsParts): Imds {
  const { store, logger } = parts;
  const tokens = createSessionTokens(parts);
  const credentials = createRoleCredentials(parts.issuer, parts.clock);

  const treeFor = (instance: InstanceRow) => {
    const pool = instance.fargate === undefined ? undefined : poolIdentity(parts.account);
    const profile =
      pool?.row ??
      (instance.instanceProfileArn === undefined
        ? undefined
        : store.find(instanceProfiles, "arn", instance.instanceProfileArn)[0]?.[1]);
    const roleName = profile?.roleNames[0];
    return metadataTree({
      account: parts.account,
      instance,
      vpc: store.get(vpcs, ec2Key(instance.region, instance.vpcId)),
      subnet: store.get(subnets, ec2Key(instance.region, instance.subnetId)),
      securityGroups: instance.securityGroupIds.flatMap(
        (id) => store.get(securityGroups, ec2Key(instance.region, id)) ?? [],
      ),
      architecture: instanceType(instance.instanceType)?.architecture ?? "x86_64",
      profile:
        profile === undefined
          ? undefined
          : {
              row: profile,
              role: pool?.role ?? (roleName === undefined ? undefined : store.get(roles, roleName)),
            },
      credentials: (roleArn) => credentials({ roleArn, instanceId: instance.id }),
      sign: parts.sign,
    });
  };

  /** A proxy adds X-Forwarded-For: a request that came through one gets no token. */
  const newToken = (req: IncomingMessage, instance: InstanceRow): Answer => {
    if (req.headers["x-forwarded-for"] !== undefined) return { status: 403 };
    const wanted = header(req, "x-aws-ec2-metadata-token-ttl-seconds") ?? "";
    const seconds = /^\d{1,5}$/.test(wanted) ? Number(wanted) : 0;
    if (seconds < 1 || seconds > MAXIMUM_TOKEN_SECONDS) return { status: 400 };
    return {
      status: 200,
      body: tokens.issue(instance.id, seconds),
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": String(seconds) },
    };
  };

  const answer = (req: IncomingMessage, source: { vpcId: string; address: string }): Answer => {
    const instance = instanceAt(store, `${source.vpcId}/${source.address}`);
    if (instance === undefined) {
      logger.warn("metadata was asked for from an address that is no instance's", source);
      return { status: 404 };
    }
    if (instance.metadataOptions.httpEndpoint === "disabled") return { status: 403 };
    const path = (req.url ?? "/").split("?", 1)[0] ?? "/";
    if (path === TOKEN_PATH)
      return req.method === "PUT" ? newToken(req, instance) : { status: 405, headers: { allow: "PUT" } };
    if (req.method !== "GET" && req.method !== "HEAD")
      return { status: 405, headers: { allow: "GET, HEAD" } };
    const token = header(req, "x-aws-ec2-metadata-token");
    if (token === undefined) {
      if (instance.metadataOptions.httpTokens === "required") return { status: 401 };
    } else if (!tokens.isValid(token, instance.id)) {
      return { status: 401 };
    }
    const names = path.split("/").filter((name) => name !== "");
    const body = readTree({ latest: treeFor(instance) }, names);
    return body === undefined ? { status: 404 } : { status: 200, body };
  };

  const safely = (req: IncomingMessage, source: { vpcId: string; address: string }): Answer => {
    try {
      return answer(req, source);
    } catch (error) {
      logger.error("metadata could not be told", { ...source, error });
      return { status: 500 };
    }
  };

  return {
    handle(req, res, source) {
      req.resume();
      const { status, body, headers } = safely(req, source);
      const bytes = Buffer.from(body ?? page(status), "latin1");
      res.writeHead(status, {
        server: "EC2ws",
        "content-type": body === undefined ? "text/html" : "text/plain",
        "content-length": bytes.length,
        ...headers,
      });
      res.end(req.method === "HEAD" ? undefined : bytes);
    },
  };
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const page = (status: number) =>
  `<html><head><title>${status} - ${titles[status] ?? ""}</title></head><body><h1>${status} - ${titles[status] ?? ""}</h1></body></html>\n`;

/** Whose address it is: the instance's own, or that of a task's interface on it. */
function instanceAt(store: Store, address: string): InstanceRow | undefined {
  const own = store.find(instances, "address", address)[0]?.[1];
  if (own !== undefined) return own;
  const task = store.find(networkInterfaces, "address", address)[0]?.[1];
  const host = task === undefined ? undefined : store.get(instances, ec2Key(task.region, task.instanceId));
  // A Fargate task has no instance.
  return host?.fargate === undefined ? host : undefined;
}
