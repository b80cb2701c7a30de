// Temporary credentials as STS answers them.
import type { Credentials } from "@aws-sdk/client-sts";
import type { SealedCredentials } from "#gateway/credentials/sealed.ts";

export const showCredentials = (issued: ReturnType<SealedCredentials["issue"]>): Credentials => ({
  AccessKeyId: issued.accessKeyId,
  SecretAccessKey: issued.secretAccessKey,
  SessionToken: issued.sessionToken,
  Expiration: new Date(issued.expiration),
});
