// How the API shows parameters.
import type {
  Parameter,
  ParameterHistory,
  ParameterInlinePolicy,
  ParameterMetadata,
} from "@aws-sdk/client-ssm";
import { labelsOf, type ParameterRow, type ParameterVersionRow } from "#domain/ssm/parameter.ts";
import type { PublicParameter } from "./public-parameters.ts";

interface Shown {
  readonly value: string;
  readonly name?: string;
  readonly selector?: string | undefined;
}

export const showParameter = (
  row: ParameterRow,
  version: ParameterVersionRow,
  { value, name, selector }: Shown,
): Parameter => ({
  Name: name ?? row.name,
  Type: version.type,
  Value: value,
  Version: version.version,
  ...(selector === undefined ? {} : { Selector: `:${selector}` }),
  LastModifiedDate: new Date(version.modifiedAt),
  ARN: row.arn,
  DataType: version.dataType,
});

export const showPublic = ({ name, arn, value, modifiedAt }: PublicParameter): Parameter => ({
  Name: name,
  Type: "String",
  Value: value,
  Version: 1,
  LastModifiedDate: new Date(modifiedAt),
  ARN: arn,
  DataType: "text",
});

const described = (version: ParameterVersionRow) => ({
  Type: version.type,
  ...(version.keyId === undefined ? {} : { KeyId: version.keyId }),
  LastModifiedDate: new Date(version.modifiedAt),
  LastModifiedUser: version.modifiedBy,
  ...(version.description === undefined ? {} : { Description: version.description }),
  ...(version.allowedPattern === undefined ? {} : { AllowedPattern: version.allowedPattern }),
  Version: version.version,
  Tier: version.tier,
  Policies: version.policies.map(({ text }): ParameterInlinePolicy => ({
    PolicyText: text,
    PolicyType: "Expiration",
    PolicyStatus: "Pending",
  })),
  DataType: version.dataType,
});

export const showMetadata = (row: ParameterRow, version: ParameterVersionRow): ParameterMetadata => ({
  Name: row.name,
  ARN: row.arn,
  ...described(version),
});

export const showHistory = (
  row: ParameterRow,
  version: ParameterVersionRow,
  value: string,
): ParameterHistory => ({
  Name: row.name,
  ...described(version),
  Value: value,
  Labels: labelsOf(row, version.version),
});
