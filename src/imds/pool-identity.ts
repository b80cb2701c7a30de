// Who a host of Fargate's pool is: an instance profile and a role that are no rows, since they are nobody's to see or to change.
import type { InstanceProfileRow, RoleRow } from "#domain/iam/records.ts";
import { poolRoleArn } from "#domain/ecs/fargate.ts";

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

export function poolIdentity(account: string): { readonly row: InstanceProfileRow; readonly role: RoleRow } {
  const arn = poolRoleArn(account);
  const name = arn.slice(arn.lastIndexOf("/") + 1);
  const common = { name, path: "/", createdAt: 0, tags: {} };
  return {
    row: {
      ...common,
      arn: arn.replace(":role/", ":instance-profile/"),
      id: "AIPAFARGATE",
      roleNames: [name],
    },
    role: {
      ...common,
      arn,
      id: "AROAFARGATE",
      assumeRolePolicyDocument: TRUST,
      maxSessionDuration: 3600,
      attachedPolicies: [],
      inlinePolicies: {},
    },
  };
}
