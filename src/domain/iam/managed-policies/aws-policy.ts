// The form of AWS's managed policies here: the default version of each, as the AWS Managed Policy Reference Guide has it.

export interface AwsPolicy {
  readonly arn: string;
  readonly name: string;
  /** `/`, `/service-role/` */
  readonly path: string;
  readonly description: string;
  /** Of the default version: `v3`. Older ones are not kept. */
  readonly versionId: string;
  /** JSON text. */
  readonly document: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

interface Given extends Pick<AwsPolicy, "name" | "description" | "versionId"> {
  readonly path?: string;
  /** Days, in ISO 8601. */
  readonly created: string;
  readonly updated: string;
  readonly statements: readonly object[];
}

export function awsPolicy({ path = "/", created, updated, statements, ...rest }: Given): AwsPolicy {
  return {
    ...rest,
    path,
    arn: `arn:aws:iam::aws:policy${path}${rest.name}`,
    document: JSON.stringify({ Version: "2012-10-17", Statement: statements }),
    createdAt: Date.parse(created),
    updatedAt: Date.parse(updated),
  };
}

/** `actions("ecr", "Get*")` is ["ecr:Get*"]. */
export const actions = (service: string, ...names: readonly string[]): string[] =>
  names.map((name) => `${service}:${name}`);
