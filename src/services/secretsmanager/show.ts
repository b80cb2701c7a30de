// How the API shows a secret: never its value.
import type { SecretRow } from "#domain/secretsmanager/secret.ts";
import { showTags } from "./tags.ts";

const date = <K extends string>(name: K, at: number | undefined): { [key in K]?: Date } =>
  at === undefined ? {} : ({ [name]: new Date(at) } as { [key in K]: Date });

export const showSecret = (row: SecretRow) => ({
  ARN: row.arn,
  Name: row.name,
  ...(row.description === undefined ? {} : { Description: row.description }),
  ...(row.kmsKeyId === undefined ? {} : { KmsKeyId: row.kmsKeyId }),
  ...(row.rotation === undefined
    ? {}
    : {
        RotationEnabled: row.rotation.enabled,
        RotationLambdaARN: row.rotation.hook,
        RotationRules: {
          ...(row.rotation.rules.automaticallyAfterDays === undefined
            ? {}
            : { AutomaticallyAfterDays: row.rotation.rules.automaticallyAfterDays }),
          ...(row.rotation.rules.duration === undefined ? {} : { Duration: row.rotation.rules.duration }),
          ...(row.rotation.rules.scheduleExpression === undefined
            ? {}
            : { ScheduleExpression: row.rotation.rules.scheduleExpression }),
        },
        ...date("LastRotatedDate", row.rotation.rotatedAt),
        ...(row.rotation.enabled ? date("NextRotationDate", row.rotation.nextAt) : {}),
      }),
  ...date("LastChangedDate", row.changedAt),
  ...date("LastAccessedDate", row.accessedAt),
  ...date("DeletedDate", row.deletedAt),
  Tags: showTags(row.tags),
  CreatedDate: new Date(row.createdAt),
});
