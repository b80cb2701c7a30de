// The port by which agents' state reports, arriving as API calls, reach the fleet. Reports about unknown or already stopped
// tasks, or tasks that are not on the caller's instance, are accepted and ignored: an error would block the agent's queue.
import type { TaskReport } from "#domain/ecs/task-transitions.ts";

export interface AgentIngest {
  /** Applies the report in one transaction; resolves when it is stored. `reporterInstanceId` is the EC2 instance that signed, if one did. */
  taskReport(
    report: { readonly taskArn: string; readonly reporterInstanceId?: string } & TaskReport,
  ): Promise<void>;
}
