// RotateSecret and CancelRotateSecret. There is no Lambda here: RotationLambdaARN names an HTTP endpoint by its URL, and that is
// called for each step with what a rotation function is called with.
import type { RotateSecretCommandInput, RotationRulesType } from "@aws-sdk/client-secrets-manager";
import { readSchedule } from "#domain/events/schedule.ts";
import { isRotating, startRotation, withoutRotation, withRotation } from "#domain/secretsmanager/rotation.ts";
import type { RotationRules } from "#domain/secretsmanager/rotation-record.ts";
import { CURRENT, PENDING, secretVersionKey, type SecretRow } from "#domain/secretsmanager/secret.ts";
import { secretVersions } from "#store/tables/secretsmanager.ts";
import { checkToken, lengthWithin } from "../constraints.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "../dependencies.ts";
import { invalidParameter, invalidRequest, notImplemented } from "../errors.ts";
import { getVersion, liveSecretOf } from "../lookup.ts";
import { checkStageCount, putSecret } from "../versions.ts";

export function rotationOperations({ store, clock, random }: SecretsManagerDependencies) {
  return {
    async RotateSecret(input, context) {
      const { ExternalSecretRotationMetadata: metadata, ExternalSecretRotationRoleArn: roleArn } = input;
      if (metadata !== undefined) throw notImplemented("ExternalSecretRotationMetadata");
      if (roleArn !== undefined) throw notImplemented("ExternalSecretRotationRoleArn");
      const versionId = checkToken(input.ClientRequestToken ?? random.uuid());
      return store.transact((tx) => {
        const now = clock.now();
        const found = liveSecretOf(tx, context, input.SecretId ?? "", now);
        const row = withRotation(found, { hook: hookOf(input, found), rules: rulesOf(input, found) }, now);
        if (input.RotateImmediately === false) {
          putSecret(tx, row);
          return { ARN: row.arn, Name: row.name };
        }
        const pending = row.stages[PENDING];
        // The same request again: the rotation that it asked for is under way, or done.
        if (getVersion(tx, row, versionId) !== undefined)
          return { ARN: row.arn, Name: row.name, VersionId: versionId };
        if (pending !== undefined && pending !== row.stages[CURRENT])
          throw invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.");
        putSecret(tx, checkStageCount(startRotation(row, versionId, now)));
        tx.put(secretVersions, secretVersionKey(row.id, versionId), {
          secretId: row.id,
          versionId,
          kind: "string",
          createdAt: now,
        });
        return { ARN: row.arn, Name: row.name, VersionId: versionId };
      });
    },

    async CancelRotateSecret(input, context) {
      return store.transact((tx) => {
        const row = liveSecretOf(tx, context, input.SecretId ?? "", clock.now());
        if (!isRotating(row)) throw invalidRequest("You can't cancel rotation of a secret that has none.");
        const { underWay } = row.rotation;
        putSecret(tx, withoutRotation(row, clock.now()));
        return {
          ARN: row.arn,
          Name: row.name,
          ...(underWay === undefined ? {} : { VersionId: underWay.versionId }),
        };
      });
    },
  } satisfies SecretsManagerOperations;
}

/** @throws InvalidParameterException, InvalidRequestException */
function hookOf({ RotationLambdaARN: given }: RotateSecretCommandInput, { rotation }: SecretRow): string {
  if (given === undefined || given === "") {
    if (rotation === undefined)
      throw invalidRequest("No Lambda rotation function ARN is associated with this secret.");
    return rotation.hook;
  }
  lengthWithin(given, "rotationLambdaARN", 0, 2048);
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "")
    return given;
  throw invalidParameter(
    "RotationLambdaARN must be the URL of an HTTP endpoint (http://… or https://…): Estiba has no Lambda functions.",
  );
}

/** @throws InvalidParameterException */
function rulesOf({ RotationRules: given }: RotateSecretCommandInput, { rotation }: SecretRow): RotationRules {
  return given === undefined ? (rotation?.rules ?? {}) : readRules(given);
}

function readRules({
  AutomaticallyAfterDays: days,
  Duration: duration,
  ScheduleExpression: expression,
}: RotationRulesType): RotationRules {
  if (days !== undefined && expression !== undefined)
    throw invalidParameter(
      "You can specify either AutomaticallyAfterDays or ScheduleExpression, but not both.",
    );
  if (days !== undefined && (!Number.isInteger(days) || days < 1 || days > 1000))
    throw invalidParameter("AutomaticallyAfterDays must be between 1 and 1000.");
  if (expression !== undefined && readSchedule(expression) === undefined)
    throw invalidParameter(`The schedule expression ${expression.slice(0, 256)} isn't valid.`);
  // A rotation begins at its time here, which is within every window.
  if (duration !== undefined && !/^([1-9]|1\d|2[0-4])h$/.test(duration))
    throw invalidParameter("Duration must be a number of hours from 1h to 24h.");
  return {
    ...(days === undefined ? {} : { automaticallyAfterDays: days }),
    ...(duration === undefined ? {} : { duration }),
    ...(expression === undefined ? {} : { scheduleExpression: expression }),
  };
}
