// The port that hands out temporary credentials of a role: to instances (IMDS) and tasks (over ACS).

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Epoch milliseconds. */
  readonly expiration: number;
}

/** As ACS names them: for the task's containers, or for what the agent does on the task's behalf. */
export type TaskRoleType = "TaskApplication" | "TaskExecution";

export interface CredentialIssuer {
  /** Names a task's credentials of one kind; the same for the task's whole life, and not to be guessed from its ARN. */
  credentialsId(taskArn: string, roleType: TaskRoleType): string;
  /** Credentials of the role for an instance; the session name is the instance id. */
  forInstance(request: { readonly roleArn: string; readonly instanceId: string }): TemporaryCredentials;
  /** Credentials of the role for a task; the session name is the task id. */
  forTask(request: {
    readonly roleArn: string;
    readonly taskArn: string;
    readonly roleType: TaskRoleType;
  }): TemporaryCredentials;
}
