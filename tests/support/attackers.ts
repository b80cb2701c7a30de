// A server with two hosts, a role that may do everything, and users who have little: those who try to get more.
import { IAM } from "@aws-sdk/client-iam";
import { STS } from "@aws-sdk/client-sts";
import type { Answer, Signer } from "./signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "./simulated-server.ts";
import { startTwoHosts, type Host } from "./two-hosts.ts";

export const ACCOUNT = "000000000000";
export const arn = (resource: string): string => `arn:aws:iam::${ACCOUNT}:${resource}`;
export const policy = (...Statement: object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement });
export const allow = (
  Action: string | string[],
  Resource: string | string[] = "*",
  Condition?: object,
): object => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});
export const trust = (Principal: object): string =>
  policy({ Effect: "Allow", Principal, Action: "sts:AssumeRole" });
/** `403 AccessDenied`, `200 `. */
export const outcome = ({ status, code }: Answer): string => `${status} ${code ?? ""}`;

export interface Attacker extends Signer {
  readonly name: string;
}

export interface AttackedServer {
  readonly server: SimulatedServer;
  readonly hosts: readonly [Host, Host];
  /** Signed by root. */
  readonly iam: IAM;
  /** A user with these statements and a key. */
  user(...statements: object[]): Promise<Attacker>;
  keyOf(userName: string): Promise<Signer>;
  /** A session of the role, which whoever signs may assume. */
  assume(by: Signer, roleArn: string, more?: { Policy?: string; RoleSessionName?: string }): Promise<Signer>;
  close(): Promise<void>;
}

export async function startAttackedServer(): Promise<AttackedServer> {
  const server = await startSimulatedServer({ allowReset: true });
  const hosts = await startTwoHosts(server);
  const { endpoint, region } = server.connection;
  const iam = new IAM({ ...server.connection, maxAttempts: 1 });
  const RoleName = "admin";
  await iam.createRole({
    RoleName,
    AssumeRolePolicyDocument: trust({ Service: ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"] }),
  });
  await iam.attachRolePolicy({ RoleName, PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" });
  await iam.createInstanceProfile({ InstanceProfileName: RoleName });
  await iam.addRoleToInstanceProfile({ InstanceProfileName: RoleName, RoleName });

  let users = 0;
  const keyOf = async (UserName: string): Promise<Signer> => {
    const { AccessKey: { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = {} } =
      await iam.createAccessKey({ UserName });
    return { endpoint: server.endpoint, credentials: { accessKeyId, secretAccessKey } };
  };
  return {
    server,
    hosts,
    iam,
    keyOf,
    async user(...statements) {
      const name = `user${(users += 1)}`;
      await iam.createUser({ UserName: name });
      const own = { UserName: name, PolicyName: "own" };
      if (statements.length > 0) await iam.putUserPolicy({ ...own, PolicyDocument: policy(...statements) });
      return { ...(await keyOf(name)), name };
    },
    async assume({ credentials: { accessKeyId, secretAccessKey } }, RoleArn, more = {}) {
      const sts = new STS({
        endpoint,
        region,
        credentials: { accessKeyId, secretAccessKey },
        maxAttempts: 1,
      });
      const { Credentials: { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = {} } =
        await sts.assumeRole({ RoleArn, RoleSessionName: "night", ...more });
      sts.destroy();
      return {
        endpoint: server.endpoint,
        credentials: {
          accessKeyId: AccessKeyId,
          secretAccessKey: SecretAccessKey,
          sessionToken: SessionToken,
        },
      };
    },
    async close() {
      iam.destroy();
      await server.close();
    },
  };
}
