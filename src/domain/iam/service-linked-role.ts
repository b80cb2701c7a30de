// Roles that belong to a service: made by it or for it, assumed by nobody else, changed by nobody (IAM User Guide, "Using
// service-linked roles"). Estiba's services act by themselves, so that such a role carries no policies here.
import { formatArn } from "#lib/arn.ts";
import type { Random } from "#lib/random.ts";
import { newRole, type RoleRow } from "./records.ts";

const PATH = "/aws-service-role/";

interface Linked {
  readonly name: string;
  readonly description: string;
}

/** Those that clients of Estiba's services make or expect, by the service's principal. */
export const linkedServices: ReadonlyMap<string, Linked> = new Map([
  [
    "ecs.amazonaws.com",
    { name: "AWSServiceRoleForECS", description: "Role to enable Amazon ECS to manage your cluster." },
  ],
  [
    "elasticloadbalancing.amazonaws.com",
    {
      name: "AWSServiceRoleForElasticLoadBalancing",
      description: "Allows ELB to call AWS services on your behalf.",
    },
  ],
  [
    "ecs.application-autoscaling.amazonaws.com",
    { name: "AWSServiceRoleForApplicationAutoScaling_ECSService", description: "" },
  ],
  [
    "autoscaling.amazonaws.com",
    {
      name: "AWSServiceRoleForAutoScaling",
      description: "Default Service-Linked Role enables access to AWS Services and Resources.",
    },
  ],
  ["spot.amazonaws.com", { name: "AWSServiceRoleForEC2Spot", description: "" }],
]);

export const isServiceLinked = ({ path }: Pick<RoleRow, "path">): boolean => path.startsWith(PATH);

/** `ecs.amazonaws.com` of `/aws-service-role/ecs.amazonaws.com/`. */
export const linkedServiceOf = ({ path }: Pick<RoleRow, "path">): string =>
  path.slice(PATH.length).replace(/\/$/, "");

/** Throws RangeError for a service that has none. */
export function serviceLinkedRoleArn(service: string, account: string): string {
  return formatArn({
    service: "iam",
    region: "",
    account,
    resource: `role${PATH}${service}/${linked(service).name}`,
  });
}

export function newServiceLinkedRole(
  service: string,
  { account, description }: { readonly account: string; readonly description?: string },
  random: Random,
  now: number,
): RoleRow {
  const { name, description: usual } = linked(service);
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  };
  const said = description ?? usual;
  return newRole(
    {
      name,
      path: `${PATH}${service}/`,
      arn: serviceLinkedRoleArn(service, account),
      assumeRolePolicyDocument: JSON.stringify(trust),
      tags: {},
      ...(said === "" ? {} : { description: said }),
    },
    random,
    now,
  );
}

function linked(service: string): Linked {
  const found = linkedServices.get(service);
  if (found === undefined) throw new RangeError(`${service} has no service-linked role here`);
  return found;
}
