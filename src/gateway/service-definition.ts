// What a service hands to the gateway: its wire, its schemas, its operations.
import type { ServiceError } from "#lib/errors.ts";

/** Who signed a request. */
export type Principal =
  | {
      readonly type: "root";
      readonly arn: string;
      readonly account: string;
      readonly id: string;
      readonly issuedAt?: number;
    }
  | {
      readonly type: "user";
      readonly arn: string;
      readonly account: string;
      readonly id: string;
      readonly userName: string;
      /** Of temporary credentials (GetSessionToken): epoch milliseconds. Absent: the user's own access key. */
      readonly issuedAt?: number;
    }
  /** A session of a role that somebody assumed. */
  | ({
      readonly type: "session";
      readonly arn: string;
      readonly account: string;
      /** `<role id>:<session name>` */
      readonly id: string;
      readonly roleArn: string;
    } & SessionAttributes)
  /** A role session of an instance: the session name is the instance id. */
  | {
      readonly type: "instance";
      readonly arn: string;
      readonly account: string;
      readonly id: string;
      readonly roleArn: string;
      readonly instanceId: string;
      readonly issuedAt?: number;
    }
  /** A role session of a task: the session name is the task id. */
  | {
      readonly type: "task";
      readonly arn: string;
      readonly account: string;
      readonly id: string;
      readonly roleArn: string;
      readonly taskArn: string;
      /** Of its execution role: what the host does for the task, until its last log lines are sent. */
      readonly forExecution?: true;
      readonly issuedAt?: number;
    };

/** What a role's session was given when it was assumed. */
export interface SessionAttributes {
  /** Epoch milliseconds. */
  readonly issuedAt: number;
  /** Session policies: JSON texts, and ARNs of managed policies. With either, only what they allow as well is allowed. */
  readonly policies?: readonly string[];
  readonly policyArns?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  /** Keys of those tags that go on to sessions of roles that this one assumes. */
  readonly transitiveTagKeys?: readonly string[];
  readonly sourceIdentity?: string;
  /** Of a web identity: the ARN of the provider that vouched for it. */
  readonly federatedProvider?: string;
}

/** Everything an operation may know of the call besides its input. */
export interface RequestContext {
  readonly requestId: string;
  /** The region of the signature's scope. */
  readonly region: string;
  readonly account: string;
  readonly principal: Principal;
  /** IAM's name of the action, for instance `ecs:RunTask`. */
  readonly action: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** Base URL by which this caller reached us (`http://10.64.0.2:4566`): every URL in an answer starts from it. */
  readonly endpoint: string;
  /** Whether the caller may do something else besides, for what a call does only for those who may. */
  readonly allows?: (permission: Permission & { readonly action: string }) => boolean;
}

export type WireProtocol = "awsJson1_1" | "query" | "ec2";

/** An operation: the decoded input (types from the official SDK) to the output that is encoded. May throw ServiceError. */
export type Operation<Input, Output> = (input: Input, context: RequestContext) => Output | Promise<Output>;

/**
 * The operations of a service, typed from the SDK's aggregated client: `OperationTable<ECS>` has an optional
 * `RunTask: (input: RunTaskCommandInput, context) => RunTaskCommandOutput without $metadata` for each method.
 */
export type OperationTable<Client> = {
  readonly [
    M in Extract<keyof Client, string> as Client[M] extends AnyMethod ? Capitalize<M> : never
  ]?: Client[M] extends (
    args: infer Input,
    options: never,
    callback: (error: never, data?: infer Output) => void,
  ) => void
    ? Operation<Input, Omit<NonNullable<Output>, "$metadata">>
    : never;
};
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- matches the overloads of every SDK method
type AnyMethod = (...args: any[]) => unknown;

/** One permission that a call needs: an action on a resource. */
export interface Permission {
  /** Another action than the call's own: `iam:PassRole`. */
  readonly action?: string;
  /** An ARN, or `*` for an action that has no resources. */
  readonly resource: string;
  /** Values of condition keys besides those of every call: `ecs:cluster`, `aws:ResourceTag/team`. */
  readonly context?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What is known of a call besides its input when its permissions are listed. */
export type CallScope = Pick<RequestContext, "region" | "account"> & {
  /** For what a caller may leave unnamed because it is its own. */
  readonly principal?: Principal;
};

/**
 * Which permissions each operation needs (Service Authorization Reference), by the decoded input, which may still be wrong in
 * every way that an operation refuses. `PermissionTable<ECS, keyof typeof operations>` leaves none out.
 */
export type PermissionTable<
  Client,
  Built extends keyof OperationTable<Client> = keyof OperationTable<Client>,
> = {
  readonly [O in Built]: NonNullable<OperationTable<Client>[O]> extends (
    input: infer Input,
    context: never,
  ) => unknown
    ? (input: Input, scope: CallScope) => readonly Permission[]
    : never;
};

/** The policy that a resource carries. */
export interface ResourcePolicy {
  /** JSON text that `parsePolicy(document, "resource")` accepts: check it when it is put. One that cannot be read denies all. */
  readonly document: string;
  /**
   * Absent: it or the caller's own policies must allow (a secret's, a queue's policy). `decides`: it must allow or name the account,
   * else nobody may, whatever their own policies say (a KMS key's). `trust`: the same, of a role that is to be assumed.
   */
  readonly rule?: "decides" | "trust";
}

export interface ServiceDefinition {
  /** IAM's prefix and our name: `ecs`, `ec2`, `elasticloadbalancing`, `iam`, `sts`. */
  readonly name: string;
  /** The service part of the signature's scope. */
  readonly signingName: string;
  readonly protocol: WireProtocol;
  /** awsJson: the prefix of X-Amz-Target (`AmazonEC2ContainerServiceV20141113`). Query and EC2: the `Version` (`2015-12-01`). */
  readonly wireName: string;
  /** Global services ignore the region of the scope. */
  readonly global?: boolean;
  /** The official SDK's package namespace, loaded at the service's first request. */
  readonly loadSchemas: () => Promise<Readonly<Record<string, unknown>>>;
  /**
   * Text members that AWS's own clients send and the public model lacks, by operation: the container agent's
   * `clientToken` of RegisterContainerInstance. Without an entry such members are ignored like any unknown one.
   */
  readonly privateMembers?: Readonly<Record<string, readonly string[]>>;
  /** Longest request body of its operations, octets, where the gateway's own limit is too short. */
  readonly bodyBytes?: number;
  /** How it refuses an input that lacks a required member, where that is not how its protocol's services do. */
  readonly missingMember?: (path: string) => ServiceError;
  readonly operations: Readonly<Record<string, Operation<never, unknown>>>;
  /** An operation that is not in it needs its own action on `*`. */
  readonly permissions?: Readonly<Record<string, (input: never, scope: CallScope) => readonly Permission[]>>;
  /**
   * The policy of what the ARN names, for services whose resources carry one: asked for every permission of this service's actions,
   * also when another service's call needs it (`kms:Decrypt` of GetSecretValue), with the permission's `resource` as it stands.
   * Undefined: nothing there carries a policy. A deny in it binds everybody but root. So the operation itself has nothing to judge.
   */
  readonly resourcePolicyOf?: (arn: string) => ResourcePolicy | undefined;
}

export interface AuthorizationQuestion {
  readonly principal: Principal;
  readonly action: string;
  /** Listed only for whom policies bind. */
  readonly permissions: () => readonly Permission[];
  readonly region: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** The policy of the resource of an action (`secretsmanager:GetSecretValue`). */
  readonly resourcePolicyOf?: (action: string, arn: string) => ResourcePolicy | undefined;
}

export interface Denial {
  readonly action: string;
  readonly resource: string;
  /** AWS's words from "because" or "with" on: "because no identity-based policy allows the ecs:RunTask action". */
  readonly reason: string;
}

/** Judges whether a principal may do what it asks; the place where IAM policy evaluation sits. */
export interface Authorizer {
  /** Undefined: it may. */
  authorize(question: AuthorizationQuestion): Denial | undefined;
}

/** Finds the secret and the principal behind an access key. */
export interface CredentialResolver {
  /** Undefined: unknown key. `expired`: known, but over. */
  resolve(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): { readonly secretAccessKey: string; readonly principal: Principal } | "expired" | undefined;
  /** A call that this key signed was let in. */
  used?(accessKeyId: string, use: { readonly service: string; readonly region: string }): void;
}
