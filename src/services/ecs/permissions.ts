// Which permissions each operation of ECS needs (Service Authorization Reference, "Actions, resources, and condition keys for
// Amazon ECS"): on which ARNs, with which condition keys. What a call names wrongly stands as it was named: the operation refuses it.
import type { CapacityProviderStrategyItem, ECS, TaskOverride } from "@aws-sdk/client-ecs";
import { formatArn } from "#lib/arn.ts";
import { capacityProviderArn, clusterArn, ecsResourceOf, keyOfEcsArn } from "#domain/ecs/arns.ts";
import { clusterKey } from "#domain/ecs/cluster.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { clusters, containerInstances, services, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import { DEFAULT_CLUSTER, findTaskDefinition } from "./lookup.ts";
import { passedRoles } from "./passed-roles.ts";

type Context = NonNullable<Permission["context"]>;
type Kind = "task" | "container-instance" | "service";

interface Tagged {
  readonly tags?:
    readonly { readonly key?: string | undefined; readonly value?: string | undefined }[] | undefined;
  readonly tagKeys?: readonly string[] | undefined;
}
interface InCluster {
  readonly cluster?: string | undefined;
}

export function ecsPermissions(reader: Reader) {
  const anything = (): Permission[] => [{ resource: "*" }];
  const clusterOf = ({ region, account }: CallScope, given: string | undefined): string =>
    given?.startsWith("arn:") === true
      ? given
      : clusterArn(region, account, given === undefined || given === "" ? DEFAULT_CLUSTER : given);

  const onCluster = (given: string | undefined, scope: CallScope, context: Context = {}): Permission[] => {
    const resource = clusterOf(scope, given);
    return [{ resource, context: { ...tagsOf(reader, resource), ...context } }];
  };
  /** Tasks, container instances and services by id, name or ARN. Without one: all of the cluster. */
  const within = (
    kind: Kind,
    given: readonly (string | undefined)[] | undefined,
    input: InCluster,
    scope: CallScope,
    context: Context = {},
  ): Permission[] => {
    const cluster = clusterOf(scope, input.cluster);
    const clusterName = ecsResourceOf(cluster)?.parts[1] ?? "*";
    const named = given === undefined || given.length === 0 ? ["*"] : given;
    return named.map((each = "*") => {
      const { region, account } = scope;
      const resource = each.startsWith("arn:")
        ? each
        : formatArn({ service: "ecs", region, account, resource: `${kind}/${clusterName}/${each}` });
      return { resource, context: { "ecs:cluster": cluster, ...tagsOf(reader, resource), ...context } };
    });
  };
  const definition = (given: string | undefined, scope: CallScope): TaskDefinitionRow | undefined => {
    try {
      return findTaskDefinition(reader, scope, given ?? "");
    } catch {
      return undefined;
    }
  };
  const definitionArn = (given: string | undefined, { region, account }: CallScope, family = given ?? "*") =>
    given?.startsWith("arn:") === true
      ? given
      : formatArn({ service: "ecs", region, account, resource: `task-definition/${family}` });

  /** Judged on the revision that a family's name stands for now. */
  const running = (
    input: InCluster & Tagged & { taskDefinition?: string | undefined; overrides?: TaskOverride | undefined },
    scope: CallScope,
    action: string,
    context: Context = {},
  ): Permission[] => {
    const row = definition(input.taskDefinition, scope);
    const resource = row?.arn ?? definitionArn(input.taskDefinition, scope);
    return [
      {
        resource,
        context: {
          "ecs:cluster": clusterOf(scope, input.cluster),
          ...tagsOf(reader, resource),
          ...requestTags(input),
          ...context,
        },
      },
      ...passedRoles(reader, scope, [
        input.overrides?.taskRoleArn ?? row?.body.taskRoleArn,
        input.overrides?.executionRoleArn ?? row?.body.executionRoleArn,
      ]),
      ...tagging(input, action, within("task", undefined, input, scope)),
    ];
  };
  const agents = (input: InCluster, scope: CallScope) => onCluster(input.cluster, scope);
  const byArn = (input: { resourceArn: string | undefined } & Tagged): Permission[] => [
    {
      resource: input.resourceArn ?? "*",
      context: { ...tagsOf(reader, input.resourceArn ?? ""), ...requestTags(input) },
    },
  ];
  /** `service-deployment/web/api/0123` belongs to `service/web/api`; both are judged. */
  const ofService = (arns: readonly string[] | undefined): Permission[] =>
    (arns ?? []).flatMap((resource) => {
      const { region = "", account = "", parts = [] } = ecsResourceOf(resource) ?? {};
      const cluster = clusterArn(region, account, parts[1] ?? "");
      const service = formatArn({
        service: "ecs",
        region,
        account,
        resource: `service/${parts[1]}/${parts[2]}`,
      });
      const context = { "ecs:cluster": cluster };
      return [
        { resource: service, context: { ...context, ...tagsOf(reader, service) } },
        { resource, context: { ...context, "ecs:service": service } },
      ];
    });

  const onProvider = (given: string | undefined, scope: CallScope, context?: Context): Permission[] => {
    const { region, account } = scope;
    const resource = given?.startsWith("arn:") ? given : capacityProviderArn(region, account, given ?? "*");
    return [{ resource, ...(context === undefined ? {} : { context }) }];
  };

  return {
    CreateCluster: (input, scope) => {
      const made = onCluster(input.clusterName, scope, {
        ...requestTags(input),
        "ecs:capacity-provider": input.capacityProviders,
      });
      return [...made, ...tagging(input, "CreateCluster", made)];
    },
    DeleteCluster: agents,
    UpdateCluster: agents,
    UpdateClusterSettings: agents,
    PutClusterCapacityProviders: (input, scope) =>
      onCluster(input.cluster, scope, { "ecs:capacity-provider": input.capacityProviders }),
    DescribeClusters: (input, scope) =>
      (input.clusters ?? [DEFAULT_CLUSTER]).flatMap((cluster) => onCluster(cluster, scope)),
    ListClusters: anything,
    DescribeCapacityProviders: ({ capacityProviders = [] }, scope) =>
      (capacityProviders.length === 0 ? ["*"] : capacityProviders).flatMap((name) => onProvider(name, scope)),
    CreateCapacityProvider: (input, scope) => onProvider(input.name, scope, requestTags(input)),
    UpdateCapacityProvider: (input, scope) => onProvider(input.name, scope),
    DeleteCapacityProvider: (input, scope) => onProvider(input.capacityProvider, scope),

    RegisterTaskDefinition: (input, scope) => {
      const resource = definitionArn(undefined, scope, `${input.family ?? ""}:*`);
      const context = {
        ...requestTags(input),
        "ecs:compute-compatibility": input.requiresCompatibilities,
        "ecs:privileged": String(input.containerDefinitions?.some((c) => c.privileged === true) ?? false),
        "ecs:task-cpu": input.cpu,
        "ecs:task-memory": input.memory,
      };
      return [
        { resource, context },
        ...passedRoles(reader, scope, [input.taskRoleArn, input.executionRoleArn]),
        ...tagging(input, "RegisterTaskDefinition", [{ resource }]),
      ];
    },
    DeregisterTaskDefinition: anything,
    DescribeTaskDefinition: anything,
    ListTaskDefinitions: anything,
    ListTaskDefinitionFamilies: anything,
    DeleteTaskDefinitions: (input, scope) =>
      (input.taskDefinitions ?? []).map((given) => {
        const resource = definition(given, scope)?.arn ?? definitionArn(given, scope);
        return { resource, context: tagsOf(reader, resource) };
      }),

    RegisterContainerInstance: (input, scope) => [
      ...onCluster(input.cluster, scope, requestTags(input)),
      ...tagging(input, "RegisterContainerInstance", within("container-instance", undefined, input, scope)),
    ],
    DeregisterContainerInstance: agents,
    DiscoverPollEndpoint: anything,
    SubmitTaskStateChange: agents,
    SubmitContainerStateChange: agents,
    SubmitAttachmentStateChanges: agents,
    DescribeContainerInstances: (input, scope) =>
      within("container-instance", input.containerInstances, input, scope),
    ListContainerInstances: agents,
    UpdateContainerInstancesState: (input, scope) =>
      within("container-instance", input.containerInstances, input, scope),
    UpdateContainerAgent: (input, scope) =>
      within("container-instance", [input.containerInstance], input, scope),
    PutAttributes: (input, scope) => within("container-instance", targetsOf(input.attributes), input, scope),
    DeleteAttributes: (input, scope) =>
      within("container-instance", targetsOf(input.attributes), input, scope),
    ListAttributes: agents,

    RunTask: (input, scope) =>
      running(input, scope, "RunTask", {
        "ecs:enable-execute-command": String(input.enableExecuteCommand ?? false),
        "ecs:capacity-provider": input.capacityProviderStrategy?.map((item) => item.capacityProvider ?? ""),
        "ecs:task-cpu": input.overrides?.cpu,
        "ecs:task-memory": input.overrides?.memory,
      }),
    StartTask: (input, scope) =>
      running(input, scope, "StartTask", {
        "ecs:enable-execute-command": String(input.enableExecuteCommand ?? false),
        "ecs:container-instances": within("container-instance", input.containerInstances, input, scope).map(
          ({ resource }) => resource,
        ),
      }),
    StopTask: (input, scope) => within("task", [input.task], input, scope),
    DescribeTasks: (input, scope) => within("task", input.tasks, input, scope),
    ListTasks: (input, scope) =>
      within(
        "container-instance",
        input.containerInstance === undefined ? undefined : [input.containerInstance],
        input,
        scope,
      ),
    GetTaskProtection: (input, scope) => within("task", input.tasks, input, scope),
    UpdateTaskProtection: (input, scope) => within("task", input.tasks, input, scope),

    CreateService: (input, scope) => {
      const row = definition(input.taskDefinition, scope);
      const context = {
        ...requestTags(input),
        ...serviceContext(input),
        "ecs:task-definition": row?.arn ?? input.taskDefinition,
      };
      return [
        ...within("service", [input.serviceName], input, scope, context),
        ...passedRoles(reader, scope, [row?.body.taskRoleArn, row?.body.executionRoleArn]),
        ...tagging(input, "CreateService", within("service", [input.serviceName], input, scope)),
      ];
    },
    // Another number of tasks hands over nothing new.
    UpdateService: (input, scope) => {
      const row = input.taskDefinition === undefined ? undefined : definition(input.taskDefinition, scope);
      const context = {
        ...serviceContext(input),
        "ecs:task-definition": row?.arn ?? input.taskDefinition,
      };
      return [
        ...within("service", [input.service], input, scope, context),
        ...passedRoles(reader, scope, [row?.body.taskRoleArn, row?.body.executionRoleArn]),
      ];
    },
    DeleteService: (input, scope) => within("service", [input.service], input, scope),
    DescribeServices: (input, scope) => within("service", input.services, input, scope),
    ListServices: (input, scope) => [
      { resource: "*", context: { "ecs:cluster": clusterOf(scope, input.cluster) } },
    ],
    ListServiceDeployments: (input, scope) => within("service", [input.service], input, scope),
    DescribeServiceDeployments: (input) => ofService(input.serviceDeploymentArns),
    DescribeServiceRevisions: (input) => ofService(input.serviceRevisionArns),

    TagResource: byArn,
    UntagResource: byArn,
    ListTagsForResource: byArn,

    PutAccountSetting: (input) => [{ resource: "*", context: { "ecs:account-setting": input.name } }],
    PutAccountSettingDefault: (input) => [{ resource: "*", context: { "ecs:account-setting": input.name } }],
    DeleteAccountSetting: (input) => [{ resource: "*", context: { "ecs:account-setting": input.name } }],
    ListAccountSettings: anything,
  } satisfies Partial<PermissionTable<ECS>>;
}

const targetsOf = (attributes: readonly { readonly targetId?: string | undefined }[] | undefined) =>
  attributes?.map(({ targetId }) => targetId);

interface ServiceInput {
  readonly capacityProviderStrategy?: readonly CapacityProviderStrategyItem[] | undefined;
  readonly enableExecuteCommand?: boolean | undefined;
  readonly networkConfiguration?:
    { readonly awsvpcConfiguration?: { readonly subnets?: string[] | undefined } | undefined } | undefined;
}

const serviceContext = (input: ServiceInput): Context => ({
  "ecs:enable-execute-command":
    input.enableExecuteCommand === undefined ? undefined : String(input.enableExecuteCommand),
  "ecs:capacity-provider": input.capacityProviderStrategy?.map((item) => item.capacityProvider ?? ""),
  "ecs:subnet": input.networkConfiguration?.awsvpcConfiguration?.subnets,
});

/** Tags given at creation need the permission to tag, too (ECS Developer Guide, "Grant permission to tag resources on creation"). */
const tagging = (input: Tagged, creating: string, made: readonly Permission[]): Permission[] =>
  (input.tags ?? []).length === 0
    ? []
    : made.map(({ resource }) => ({
        action: "ecs:TagResource",
        resource,
        context: { ...requestTags(input), "ecs:CreateAction": creating },
      }));

function requestTags({ tags, tagKeys }: Tagged): Context {
  const given = (tags ?? []).map(({ key = "", value = "" }) => [key, value] as const);
  return {
    ...Object.fromEntries(given.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": tags === undefined ? tagKeys : given.map(([key]) => key),
  };
}

/** The tags of what an ARN names, as far as it is there. */
function tagsOf(reader: Reader, arn: string): Context {
  const tags = rowOf(reader, arn)?.tags ?? {};
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`ecs:ResourceTag/${key}`, value],
    ]),
  );
}

function rowOf(reader: Reader, arn: string) {
  const named = ecsResourceOf(arn);
  const key = keyOfEcsArn(arn);
  if (named === undefined || key === undefined) return undefined;
  switch (named.parts[0]) {
    case "cluster":
      return reader.get(clusters, clusterKey(named.region, named.parts[1] ?? ""));
    case "task":
      return reader.get(tasks, key);
    case "container-instance":
      return reader.get(containerInstances, key);
    case "service":
      return reader.get(services, key);
    case "task-definition":
      return reader.find(taskDefinitions, "arn", arn)[0]?.[1];
    default:
      return undefined;
  }
}
