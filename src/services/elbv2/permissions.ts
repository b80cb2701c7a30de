// Which permission each operation of Elastic Load Balancing needs (Service Authorization Reference, "Elastic Load Balancing V2"):
// changes on the ARN of what they change, Describe on everything.
import type { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { formatArn } from "#lib/arn.ts";
import { serviceLinkedRoleArn } from "#domain/iam/service-linked-role.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { roles } from "#store/tables/iam.ts";
import { listeners, loadBalancers, targetGroups } from "#store/tables/elbv2.ts";

const PRINCIPAL = "elasticloadbalancing.amazonaws.com";

type Context = NonNullable<Permission["context"]>;
type Arns = readonly (string | undefined)[] | undefined;

interface Tagged {
  readonly Tags?:
    readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;
  readonly TagKeys?: readonly string[] | undefined;
}

export function elbv2Permissions(reader: Reader) {
  const on = (arns: Arns, context: Context = {}): Permission[] =>
    (arns ?? []).map((resource = "*") => ({
      resource,
      context: { ...tagsOf(reader, resource), ...context },
    }));
  const anything = (): Permission[] => [{ resource: "*" }];
  /** What is made has no id yet. Tags given to it need the permission to tag, too. */
  const made = (
    what: string,
    input: Tagged,
    { region, account }: CallScope,
    action: string,
    more: Context = {},
  ) => {
    const resource = formatArn({ service: "elasticloadbalancing", region, account, resource: what });
    const context = { ...requestTags(input), ...more };
    const tagging: Permission = {
      action: "elasticloadbalancing:AddTags",
      resource,
      context: { ...context, "elasticloadbalancing:CreateAction": action },
    };
    return [{ resource, context }, ...((input.Tags ?? []).length === 0 ? [] : [tagging])];
  };

  return {
    CreateLoadBalancer: (input, scope) => {
      const kind = input.Type === "network" ? "net" : "app";
      const linked = serviceLinkedRoleArn(PRINCIPAL, scope.account);
      const isLinked = reader.find(roles, "arn", linked).length > 0;
      return [
        ...made(`loadbalancer/${kind}/${input.Name ?? ""}/*`, input, scope, "CreateLoadBalancer", {
          "elasticloadbalancing:Scheme": input.Scheme ?? "internet-facing",
          "elasticloadbalancing:Subnet":
            input.Subnets ?? input.SubnetMappings?.map(({ SubnetId: id = "" }) => id),
          "elasticloadbalancing:SecurityGroup": input.SecurityGroups,
        }),
        // The account's first one makes the service's role.
        ...(isLinked
          ? []
          : [
              {
                action: "iam:CreateServiceLinkedRole",
                resource: linked,
                context: { "iam:AWSServiceName": PRINCIPAL },
              },
            ]),
      ];
    },
    DeleteLoadBalancer: (input) => on([input.LoadBalancerArn]),
    DescribeLoadBalancers: anything,
    DescribeLoadBalancerAttributes: anything,
    ModifyLoadBalancerAttributes: (input) => on([input.LoadBalancerArn]),
    SetSecurityGroups: (input) =>
      on([input.LoadBalancerArn], { "elasticloadbalancing:SecurityGroup": input.SecurityGroups }),
    SetSubnets: (input) =>
      on([input.LoadBalancerArn], {
        "elasticloadbalancing:Subnet":
          input.Subnets ?? input.SubnetMappings?.map(({ SubnetId: id = "" }) => id),
      }),

    CreateListener: (input, scope) => [
      ...on([input.LoadBalancerArn], {
        ...requestTags(input),
        "elasticloadbalancing:ListenerProtocol": input.Protocol,
      }),
      // The listener's ARN begins as its load balancer's.
      ...made(
        `${input.LoadBalancerArn?.split(":").slice(5).join(":").replace("loadbalancer/", "listener/") ?? ""}/*`,
        input,
        scope,
        "CreateListener",
      ).slice(1),
    ],
    DeleteListener: (input) => on([input.ListenerArn]),
    ModifyListener: (input) =>
      on([input.ListenerArn], { "elasticloadbalancing:ListenerProtocol": input.Protocol }),
    DescribeListeners: anything,
    DescribeListenerAttributes: anything,
    DescribeRules: anything,

    CreateTargetGroup: (input, scope) =>
      made(`targetgroup/${input.Name ?? ""}/*`, input, scope, "CreateTargetGroup"),
    DeleteTargetGroup: (input) => on([input.TargetGroupArn]),
    ModifyTargetGroup: (input) => on([input.TargetGroupArn]),
    ModifyTargetGroupAttributes: (input) => on([input.TargetGroupArn]),
    DescribeTargetGroups: anything,
    DescribeTargetGroupAttributes: anything,
    RegisterTargets: (input) => on([input.TargetGroupArn]),
    DeregisterTargets: (input) => on([input.TargetGroupArn]),
    DescribeTargetHealth: anything,

    AddTags: (input) => on(input.ResourceArns, requestTags(input)),
    RemoveTags: (input) => on(input.ResourceArns, requestTags(input)),
    DescribeTags: anything,
    DescribeAccountLimits: anything,
  } satisfies Partial<PermissionTable<ElasticLoadBalancingV2>>;
}

function requestTags({ Tags: tags, TagKeys: keys }: Tagged): Context {
  const given = (tags ?? []).map(({ Key: key = "", Value: value = "" }) => [key, value] as const);
  return {
    ...Object.fromEntries(given.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": tags === undefined ? keys : given.map(([key]) => key),
  };
}

function tagsOf(reader: Reader, arn: string): Context {
  const row =
    reader.find(loadBalancers, "arn", arn)[0]?.[1] ??
    reader.find(targetGroups, "arn", arn)[0]?.[1] ??
    reader.find(listeners, "arn", arn)[0]?.[1];
  return Object.fromEntries(
    Object.entries(row?.tags ?? {}).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`elasticloadbalancing:ResourceTag/${key}`, value],
    ]),
  );
}
