// The port that hands out temporary credentials of a role: to instances (IMDS) and tasks (over ACS).

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Epoch milliseconds. */
  readonly expiration: number;
}

export interface CredentialIssuer {
  /** Credentials of the role for an instance; the session name is the instance id. */
  forInstance(request: { readonly roleArn: string; readonly instanceId: string }): TemporaryCredentials;
  /** Credentials of the role for a task; the session name is the task id. */
  forTask(request: { readonly roleArn: string; readonly taskArn: string }): TemporaryCredentials;
}
