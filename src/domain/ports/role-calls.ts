// The port by which a part of the control plane acts with a role that a user handed to it: EventBridge's targets. The role's trust
// in the service is judged each time, and what its policies allow, as for a caller from outside.

export interface RoleSession {
  readonly roleArn: string;
  /** Who assumes it: `events.amazonaws.com`. */
  readonly service: string;
  /** For which resource: a rule's ARN. */
  readonly sourceArn: string;
  readonly sessionName: string;
  readonly region: string;
}

export interface RoleCalls {
  /** Calls an operation of one of our services: its decoded input to its output. @throws ServiceError */
  call(session: RoleSession, service: string, operation: string, input: object): Promise<unknown>;
  /** Judges an action that is no call of a service. @throws ServiceError when the role may not */
  judge(session: RoleSession, action: string, resource: string): void;
}
