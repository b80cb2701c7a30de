// Why a secret could not be had, in the words of the launch type's own agent (ECS Developer Guide, "Stopped tasks error
// messages"). Pure.
import { messageOf } from "#lib/errors.ts";
import { CallFailed } from "../control-plane.ts";

export interface SecretFault {
  readonly provider: "ssm" | "asm";
  readonly region: string;
  /** Of Secrets Manager's. */
  readonly secretId?: string;
  readonly error: unknown;
}

export function failureText(fault: SecretFault, launchType: string | undefined): string {
  return launchType === "FARGATE" ? onFargate(fault) : onInstance(fault);
}

function onInstance({ provider, region, secretId = "", error }: SecretFault): string {
  const text = sdkText(provider, error);
  return provider === "ssm"
    ? `fetching secret data from SSM Parameter Store in ${region}: ${text}`
    : `fetching secret data from AWS Secrets Manager in region ${region}: secret ${secretId}: ${text}`;
}

function onFargate({ provider, error }: SecretFault): string {
  const what =
    provider === "ssm" ? "unable to retrieve secrets from ssm" : "unable to retrieve secret from asm";
  const text = error instanceof CallFailed ? `${error.code}: ${error.message}` : messageOf(error);
  return `unable to pull secrets or registry auth: execution resource retrieval failed: ${what}: service call has been retried 1 time(s): ${text}`;
}

/** Those that the services' models name; the SDK writes others as mere API errors. */
const MODELLED = new Set([
  ...["ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException"],
  ...["DecryptionFailure", "InternalServiceError", "InternalServerError", "InvalidKeyId"],
]);

/** As the Go SDK of AWS's agent writes a failed call. */
function sdkText(provider: SecretFault["provider"], error: unknown): string {
  if (!(error instanceof CallFailed)) return messageOf(error);
  const operation = provider === "ssm" ? "SSM: GetParameters" : "Secrets Manager: GetSecretValue";
  if (error.status === undefined)
    return `operation error ${operation}, request send failed: ${error.message}`;
  const kind = MODELLED.has(error.code) ? "" : "api error ";
  return `operation error ${operation}, https response error StatusCode: ${error.status}, RequestID: ${error.requestId ?? ""}, ${kind}${error.code}: ${error.message}`;
}
