// A stored target as the API shows it.
import type { Target } from "@aws-sdk/client-eventbridge";
import { DEFAULT_RETRY, type EcsTarget, type TargetInput, type TargetRow } from "#domain/events/rule.ts";

export function showTarget(row: TargetRow): Target {
  const { http, retry } = row;
  const isUsual =
    retry.attempts === DEFAULT_RETRY.attempts && retry.maximumAgeSeconds === DEFAULT_RETRY.maximumAgeSeconds;
  return {
    Id: row.id,
    Arn: row.arn,
    RoleArn: row.roleArn,
    ...showInput(row.input),
    ...(row.ecs === undefined ? {} : { EcsParameters: showEcs(row.ecs) }),
    ...(http === undefined ||
    [http.pathValues, Object.keys(http.headers), Object.keys(http.query)].every((l) => l.length === 0)
      ? {}
      : {
          HttpParameters: {
            PathParameterValues: [...http.pathValues],
            HeaderParameters: { ...http.headers },
            QueryStringParameters: { ...http.query },
          },
        }),
    ...(isUsual
      ? {}
      : {
          RetryPolicy: {
            MaximumRetryAttempts: retry.attempts,
            MaximumEventAgeInSeconds: retry.maximumAgeSeconds,
          },
        }),
  };
}

function showInput(input: TargetInput | undefined): Partial<Target> {
  switch (input?.kind) {
    case "constant":
      return { Input: input.text };
    case "path":
      return { InputPath: input.path };
    case "transformer":
      return { InputTransformer: { InputPathsMap: { ...input.paths }, InputTemplate: input.template } };
    case undefined:
      return {};
  }
}

function showEcs(ecs: EcsTarget): Target["EcsParameters"] {
  const { network } = ecs;
  return {
    TaskDefinitionArn: ecs.taskDefinitionArn,
    TaskCount: ecs.taskCount,
    LaunchType: ecs.launchType as "EC2" | undefined,
    Group: ecs.group,
    NetworkConfiguration:
      network === undefined
        ? undefined
        : {
            awsvpcConfiguration: {
              Subnets: [...network.subnets],
              SecurityGroups: network.securityGroups === undefined ? undefined : [...network.securityGroups],
              AssignPublicIp: network.assignPublicIp,
            },
          },
    PlacementConstraints: ecs.placementConstraints?.map((one) => ({ ...one })),
    PlacementStrategy: ecs.placementStrategy?.map((one) => ({ ...one })),
    EnableECSManagedTags: ecs.enableEcsManagedTags ?? false,
    EnableExecuteCommand: false,
    PropagateTags: ecs.propagateTags,
    Tags: (ecs.tags ?? []).map(({ key, value }) => ({ Key: key, Value: value })),
  };
}
