// The credentials that a task gets: those of its task role for its containers, those of its execution role for its agent.
// They are issued when they are sent and never stored; every new connection of the agent renews them long before they expire.
import type { RoleCredentials } from "#acs/messages.ts";
import type { TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { CredentialIssuer, TaskRoleType } from "#domain/ports/credential-issuer.ts";

export interface TaskCredentials {
  readonly roleType: TaskRoleType;
  readonly credentials: RoleCredentials;
}

export function credentialsOf(
  issuer: CredentialIssuer,
  task: Pick<TaskRow, "arn" | "overrides">,
  definition: Pick<TaskDefinitionBody, "taskRoleArn" | "executionRoleArn">,
): readonly TaskCredentials[] {
  const roles: readonly (readonly [TaskRoleType, string | undefined])[] = [
    ["TaskApplication", task.overrides.taskRoleArn ?? definition.taskRoleArn],
    ["TaskExecution", task.overrides.executionRoleArn ?? definition.executionRoleArn],
  ];
  return roles.flatMap(([roleType, roleArn]) => {
    if (roleArn === undefined) return [];
    const issued = issuer.forTask({ roleArn, taskArn: task.arn, roleType });
    return [
      {
        roleType,
        credentials: {
          credentialsId: issuer.credentialsId(task.arn, roleType),
          roleArn,
          accessKeyId: issued.accessKeyId,
          secretAccessKey: issued.secretAccessKey,
          sessionToken: issued.sessionToken,
          expiration: new Date(issued.expiration).toISOString(),
        },
      },
    ];
  });
}
