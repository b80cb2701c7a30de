// Every operation that is built says which permissions it needs, and says it of whatever a caller may send.
import { describe, expect, it } from "vitest";
import type { ServiceDefinition } from "#gateway/service-definition.ts";
import { createEc2Service } from "#services/ec2/service.ts";
import { createEcsService } from "#services/ecs/service.ts";
import { createElbv2Service } from "#services/elbv2/service.ts";
import { createEventsService } from "#services/events/service.ts";
import { createIamService } from "#services/iam/service.ts";
import { createKmsService } from "#services/kms/service.ts";
import { createLogsService } from "#services/logs/service.ts";
import { createSecretsManagerService } from "#services/secretsmanager/service.ts";
import { createServiceDiscoveryService } from "#services/servicediscovery/service.ts";
import { createSsmService } from "#services/ssm/service.ts";
import { createStsService } from "#services/sts/service.ts";

const REGION = "eu-west-1";
const ACCOUNT = "123456789012";
const nothingStored = { get: () => undefined, find: () => [], scan: () => [] };
const deps = { store: nothingStored } as never;
const services: readonly ServiceDefinition[] = [
  createEcsService(deps),
  createEc2Service(deps),
  createElbv2Service(deps),
  createEventsService(deps),
  createIamService(deps),
  createKmsService(deps),
  createLogsService(deps),
  createSecretsManagerService(deps),
  createServiceDiscoveryService(deps),
  createSsmService(deps),
  createStsService(deps),
];
const permissionsOf = (service: string, operation: string, input: object) =>
  services
    .find(({ name }) => name === service)
    ?.permissions?.[operation]?.(input as never, { region: REGION, account: ACCOUNT });

describe.each(services)("the permissions of $name", ({ name, operations, permissions = {} }) => {
  it("are told for each of its operations, and for no other", () => {
    expect(Object.keys(permissions).sort()).toEqual(Object.keys(operations).sort());
  });

  it.each(Object.keys(permissions))("%s are told of an empty input, too", (operation) => {
    for (const { resource, action } of permissionsOf(name, operation, {}) ?? []) {
      expect(resource === "*" || /^arn:aws:[a-z0-9]+:/.test(resource)).toBe(true);
      expect(action ?? "iam:PassRole").toMatch(/^[a-z0-9]+:[A-Z]\w+$/);
    }
  });
});

const ecs = (resource: string) => `arn:aws:ecs:${REGION}:${ACCOUNT}:${resource}`;
const ec2 = (resource: string) => `arn:aws:ec2:${REGION}:${ACCOUNT}:${resource}`;
const tags = [{ key: "team", value: "blue" }];

describe("a call", () => {
  it.each<[string, string, object, string[]]>([
    ["ecs", "RegisterContainerInstance", { cluster: "web" }, [ecs("cluster/web")]],
    [
      "ecs",
      "RegisterContainerInstance",
      { tags },
      [ecs("cluster/default"), `ecs:TagResource ${ecs("container-instance/default/*")}`],
    ],
    ["ecs", "DescribeClusters", { clusters: ["a", ecs("cluster/b")] }, [ecs("cluster/a"), ecs("cluster/b")]],
    [
      "ecs",
      "DescribeTasks",
      { cluster: ecs("cluster/web"), tasks: ["1", ecs("task/web/2")] },
      [ecs("task/web/1"), ecs("task/web/2")],
    ],
    ["ecs", "ListTasks", { cluster: "web" }, [ecs("container-instance/web/*")]],
    ["ecs", "RunTask", { taskDefinition: "web:1" }, [ecs("task-definition/web:1")]],
    [
      "ecs",
      "RunTask",
      { taskDefinition: "web:1", tags },
      [ecs("task-definition/web:1"), `ecs:TagResource ${ecs("task/default/*")}`],
    ],
    [
      "ecs",
      "RegisterTaskDefinition",
      { family: "web", taskRoleArn: `arn:aws:iam::${ACCOUNT}:role/app` },
      [ecs("task-definition/web:*"), `iam:PassRole arn:aws:iam::${ACCOUNT}:role/app`],
    ],
    [
      "ecs",
      "CreateService",
      { cluster: "web", serviceName: "api", taskDefinition: "api" },
      [ecs("service/web/api")],
    ],
    [
      "ecs",
      "DescribeServiceRevisions",
      { serviceRevisionArns: [ecs("service-revision/web/api/7")] },
      [ecs("service/web/api"), ecs("service-revision/web/api/7")],
    ],
    ["ecs", "DescribeTaskDefinition", { taskDefinition: "web" }, ["*"]],
    [
      "ec2",
      "TerminateInstances",
      { InstanceIds: ["i-1", "i-2"] },
      [ec2("instance/i-1"), ec2("instance/i-2")],
    ],
    ["ec2", "CreateSubnet", { VpcId: "vpc-1" }, [ec2("subnet/*"), ec2("vpc/vpc-1")]],
    ["ec2", "DescribeInstances", { InstanceIds: ["i-1"] }, ["*"]],
    [
      "ec2",
      "CreateTags",
      { Resources: ["i-1", "sir-1"] },
      [ec2("instance/i-1"), ec2("spot-instances-request/sir-1")],
    ],
    [
      "ec2",
      "CreateVpc",
      { TagSpecifications: [{ ResourceType: "vpc", Tags: [{ Key: "a", Value: "b" }] }] },
      [ec2("vpc/*"), `ec2:CreateTags ${ec2("vpc/*")}`],
    ],
    [
      "elasticloadbalancing",
      "CreateTargetGroup",
      { Name: "web" },
      [`arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:targetgroup/web/*`],
    ],
    ["iam", "CreateRole", { RoleName: "a", Path: "/x/" }, [`arn:aws:iam::${ACCOUNT}:role/x/a`]],
    ["iam", "AddUserToGroup", { UserName: "ada", GroupName: "g" }, [`arn:aws:iam::${ACCOUNT}:group/g`]],
    [
      "iam",
      "UpdateUser",
      { UserName: "ada", NewUserName: "bob" },
      [`arn:aws:iam::${ACCOUNT}:user/ada`, `arn:aws:iam::${ACCOUNT}:user/bob`],
    ],
    [
      "sts",
      "AssumeRole",
      {
        RoleArn: `arn:aws:iam::${ACCOUNT}:role/a`,
        Tags: [{ Key: "team", Value: "blue" }],
        SourceIdentity: "ada",
      },
      [
        `arn:aws:iam::${ACCOUNT}:role/a`,
        `sts:TagSession arn:aws:iam::${ACCOUNT}:role/a`,
        `sts:SetSourceIdentity arn:aws:iam::${ACCOUNT}:role/a`,
      ],
    ],
    [
      "iam",
      "AddRoleToInstanceProfile",
      { InstanceProfileName: "p", RoleName: "a" },
      [`arn:aws:iam::${ACCOUNT}:instance-profile/p`, `iam:PassRole arn:aws:iam::${ACCOUNT}:role/a`],
    ],
  ])("of %s %s with %j is judged on what it names", (service, operation, input, expected) => {
    const needed = permissionsOf(service, operation, input) ?? [];
    expect(needed.map(({ action, resource }) => [action ?? [], resource].flat().join(" "))).toEqual(expected);
  });

  it("tells conditions its cluster and the tags that it gives", () => {
    const [task, tagging] =
      permissionsOf("ecs", "RunTask", { cluster: "web", taskDefinition: "web:1", tags }) ?? [];
    expect(task?.context).toMatchObject({
      "ecs:cluster": ecs("cluster/web"),
      "aws:RequestTag/team": "blue",
      "aws:TagKeys": ["team"],
    });
    expect(tagging?.context).toMatchObject({ "ecs:CreateAction": "RunTask", "aws:RequestTag/team": "blue" });
  });
});
