// Who may do what until IAM policies are evaluated: root everything, instances and tasks what their agents need, users nothing.
// That an instance acts only for itself is checked by the services, which know their rows.
import type { Authorizer, Principal } from "./service-definition.ts";

const instanceActions: ReadonlySet<string> = new Set([
  "ecs:RegisterContainerInstance",
  "ecs:DeregisterContainerInstance",
  "ecs:DiscoverPollEndpoint",
  "ecs:SubmitTaskStateChange",
  "ecs:SubmitContainerStateChange",
  "ecs:SubmitAttachmentStateChanges",
  "ecs:Poll",
  "ecs:StartTelemetrySession",
  "ecs:UpdateContainerInstancesState",
  "ecs:ListTagsForResource",
  "ec2:DescribeTags",
  "sts:GetCallerIdentity",
]);

const taskActions: ReadonlySet<string> = new Set([
  "ecs:GetTaskProtection",
  "ecs:UpdateTaskProtection",
  "sts:GetCallerIdentity",
]);

export const interimAuthorizer: Authorizer = {
  authorize({ principal, action, input }) {
    return allowed(principal, action, input)
      ? undefined
      : `no identity-based policy allows the ${action} action`;
  },
};

function allowed(principal: Principal, action: string, input: unknown): boolean {
  switch (principal.type) {
    case "root":
      return true;
    case "instance":
      return instanceActions.has(action) || (action === "ecs:CreateCluster" && namesDefaultCluster(input));
    case "task":
      return taskActions.has(action);
    case "user":
      // AWS lets every identity ask who it is, whatever its policies say.
      return action === "sts:GetCallerIdentity";
  }
}

/** An agent without a cluster name asks for the `default` one before it registers. */
function namesDefaultCluster(input: unknown): boolean {
  const name = (input as { clusterName?: unknown } | undefined)?.clusterName;
  return name === undefined || name === "default";
}
