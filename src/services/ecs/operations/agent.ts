// What agents call to find their channels and to report. Reports about tasks that are unknown, already stopped or on another
// instance are acknowledged all the same: a refusal would block the agent's queue for that task without end.
import type {
  ContainerStateChange,
  NetworkBinding as GivenBinding,
  SubmitTaskStateChangeRequest,
} from "@aws-sdk/client-ecs";
import { taskArn } from "#domain/ecs/arns.ts";
import type { NetworkBinding } from "#domain/ecs/task.ts";
import type { ContainerReport } from "#domain/ecs/task-transitions.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter } from "../errors.ts";
import { clusterNameOf, clusterOf, findContainerInstance } from "../lookup.ts";
import { poolHostOf } from "../pool-host.ts";
import { callingInstance, checkOwn } from "../own-instance.ts";

const LONGEST_REASON = 1024;
const ACKNOWLEDGED = { acknowledgment: "ACK" };

export function agentOperations({ store, ingest, logger }: EcsDependencies) {
  const submit = async (
    context: RequestContext,
    cluster: string | undefined,
    task: string | undefined,
    report: Omit<Parameters<typeof ingest.taskReport>[0], "taskArn" | "reporterInstanceId">,
  ) => {
    if (task === undefined || task === "") throw invalidParameter("Task can not be blank.");
    const arn = task.startsWith("arn:")
      ? task
      : taskArn(context.region, context.account, clusterNameOf(context, cluster), task);
    const reporterInstanceId = callingInstance(context);
    await ingest.taskReport({
      taskArn: arn,
      ...report,
      ...(reporterInstanceId === undefined ? {} : { reporterInstanceId }),
    });
    return ACKNOWLEDGED;
  };

  return {
    /** Both channels on the host by which the caller came; the agent makes websocket URLs of them. */
    DiscoverPollEndpoint(input, context) {
      const named = input.containerInstance !== undefined && input.containerInstance !== "";
      if (named && poolHostOf(store, context) === undefined) {
        const cluster = clusterOf(store, context, input.cluster);
        const row = findContainerInstance(store, context, cluster, input.containerInstance ?? "");
        if (row !== undefined) checkOwn(context, row);
      }
      return { endpoint: `${context.endpoint}/acs`, telemetryEndpoint: `${context.endpoint}/tcs` };
    },

    SubmitTaskStateChange: async (input, context) =>
      submit(context, input.cluster, input.task, readTaskReport(input)),

    SubmitContainerStateChange: async (input, context) =>
      submit(context, input.cluster, input.task, { containers: [readContainerReport(input)] }),

    /** Attachments of instances are not made, so none can be awaited; those of tasks come with their task. */
    SubmitAttachmentStateChanges(input) {
      logger.debug("An agent reported attachments that nobody waits for", {
        attachments: (input.attachments ?? []).map((a) => a.attachmentArn),
      });
      return ACKNOWLEDGED;
    },
  } satisfies EcsOperations;
}

type Status = "PENDING" | "RUNNING" | "STOPPED";

function statusOf(text: string | undefined): Status | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "PENDING" || text === "RUNNING" || text === "STOPPED") return text;
  // The one refusal that makes the agent drop the report instead of repeating it for ever.
  throw invalidParameter(`Invalid status '${text.slice(0, 64)}'.`);
}

/** As far as anybody reads it: a refusal would make the agent repeat its report for ever. */
const reasonOf = (given: string | undefined): string | undefined =>
  given?.slice(0, LONGEST_REASON) || undefined;

function readTaskReport(input: SubmitTaskStateChangeRequest) {
  return {
    ...present("status", statusOf(input.status)),
    ...present("reason", reasonOf(input.reason)),
    ...present("pullStartedAt", input.pullStartedAt?.getTime()),
    ...present("pullStoppedAt", input.pullStoppedAt?.getTime()),
    ...present("executionStoppedAt", input.executionStoppedAt?.getTime()),
    containers: (input.containers ?? []).map(readContainerReport),
    ...present("attached", attachedIn(input)),
  };
}

/** Ids of the attachments that are on the host; undefined when the report is not about any. */
function attachedIn({ attachments }: SubmitTaskStateChangeRequest): readonly string[] | undefined {
  if (attachments === undefined || attachments.length === 0) return undefined;
  return attachments.flatMap(({ attachmentArn = "", status }) =>
    status === "ATTACHED" ? [attachmentArn.slice(attachmentArn.lastIndexOf("/") + 1)] : [],
  );
}

function readContainerReport(change: ContainerStateChange): ContainerReport {
  return {
    name: change.containerName ?? "",
    ...present("status", statusOf(change.status)),
    ...present("runtimeId", change.runtimeId || undefined),
    ...present("imageDigest", change.imageDigest || undefined),
    ...present("exitCode", change.exitCode),
    ...present("reason", reasonOf(change.reason)),
    ...present("networkBindings", change.networkBindings?.flatMap(readBinding)),
  };
}

/** Port ranges are refused in definitions, so a binding without a single port has nothing to say. */
function readBinding({ bindIP, containerPort, hostPort, protocol }: GivenBinding): NetworkBinding[] {
  if (containerPort === undefined || hostPort === undefined) return [];
  return [
    { bindIP: bindIP ?? "0.0.0.0", containerPort, hostPort, protocol: protocol === "udp" ? "udp" : "tcp" },
  ];
}

/** A member that is present only when it has a value. */
function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
