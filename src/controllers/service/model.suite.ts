// A service without a store, for tests of the decisions alone: rows in memory, and whatever may happen to tasks as moves.
import { newService, primaryOf, setShortfall, updateService } from "#domain/ecs/service-transitions.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";
import { activateTask, protectTask, reportTask, stopTask } from "#domain/ecs/task-transitions.ts";
import type { TargetHealth } from "#domain/elbv2/target.ts";
import { ACCOUNT, CLUSTER, deploymentNumber, REGION, serviceInput } from "../world.suite.ts";
import { decideService, type Decision, type ServiceState } from "./decide.ts";
import type { ServiceTask } from "./health.ts";

export const SETTINGS = { steadyAfterMs: 40_000, backoffMs: { initial: 1000, maximum: 60_000 } };
const GROUP = "arn:tg";
const balancer = { targetGroupArn: GROUP, containerName: "app", containerPort: 80 };

export const taskRow = (id: string, more: Partial<TaskRow> = {}): TaskRow => ({
  arn: `arn:aws:ecs:${REGION}:${ACCOUNT}:task/${CLUSTER}/${id}`,
  id,
  region: REGION,
  clusterName: CLUSTER,
  clusterArn: `arn:aws:ecs:${REGION}:${ACCOUNT}:cluster/${CLUSTER}`,
  taskDefinitionArn: "td:1",
  family: "web",
  revision: 1,
  networkMode: "bridge",
  launchType: "EC2",
  containerInstanceArn: "ci:0",
  availabilityZone: "us-east-1a",
  serviceName: "web",
  group: "service:web",
  lastStatus: "PENDING",
  desiredStatus: "RUNNING",
  version: 1,
  resources: { cpu: 0, memoryMiB: 64, tcpPorts: [], udpPorts: [] },
  containers: [
    {
      arn: "c",
      name: "app",
      image: "web:1",
      essential: true,
      hasHealthCheck: false,
      cpu: 0,
      lastStatus: "PENDING",
      hasRun: false,
      healthStatus: "UNKNOWN",
      networkBindings: [],
    },
  ],
  overrides: {},
  healthStatus: "UNKNOWN",
  loadBalancers: [],
  createdAt: 0,
  enableExecuteCommand: false,
  tags: {},
  ...more,
});

export class ServiceModel {
  now = 1_000_000;
  service;
  tasks: TaskRow[] = [];
  readonly health = new Map<string, TargetHealth>();
  readonly draining = new Set<string>();
  /** Hosts that are gone; their tasks are not lost yet. */
  readonly gone = new Set<string>();
  readonly events: string[] = [];
  readonly #balanced: boolean;
  #tasksMade = 0;
  #deployments = 1;

  constructor(options: {
    readonly desiredCount: number;
    readonly minimumHealthyPercent?: number;
    readonly maximumPercent?: number;
    readonly balanced?: boolean;
    readonly healthCheckGracePeriodSeconds?: number;
  }) {
    const { balanced = true, ...more } = options;
    this.#balanced = balanced;
    const specification = {
      ...serviceInput().specification,
      loadBalancers: balanced ? [balancer] : [],
    };
    this.service = newService(
      serviceInput({ ...more, specification }),
      deploymentNumber(1),
      this.now,
    ).service;
  }

  get primaryId(): string {
    return primaryOf(this.service)?.id ?? "";
  }

  state(): ServiceState {
    const view = (row: TaskRow): ServiceTask => ({
      row,
      instanceStatus: this.gone.has(row.containerInstanceArn ?? "")
        ? "INACTIVE"
        : this.draining.has(row.containerInstanceArn ?? "")
          ? "DRAINING"
          : "ACTIVE",
      ec2InstanceId: "i-1",
      targets: row.loadBalancers
        .filter((lb) => lb.targetKey !== undefined && row.desiredStatus === "RUNNING")
        .map((lb) => ({
          targetGroupArn: lb.targetGroupArn,
          port: 32768,
          health: this.health.get(row.id) ?? { state: "initial" },
        })),
    });
    return {
      service: this.service,
      tasks: this.tasks.filter((t) => t.lastStatus !== "STOPPED").map(view),
      stopped: this.tasks.filter((t) => t.lastStatus === "STOPPED"),
      now: this.now,
      settings: SETTINGS,
    };
  }

  /** Decides and applies; `room`: how many of the tasks to start find a place. */
  decide(room = Infinity): Decision {
    const decision = decideService(this.state());
    this.service = decision.service;
    this.events.push(...decision.events);
    for (const { task, cause } of decision.stop) this.#change(task.id, (t) => stopTask(t, cause, this.now));
    const count = decision.start?.count ?? 0;
    const open = ["ci:0", "ci:1", "ci:2"].filter((arn) => !this.draining.has(arn));
    const placed = open.length === 0 ? 0 : Math.min(count, room);
    for (let i = 0; i < placed; i += 1) {
      const n = this.#tasksMade++;
      this.tasks.push(
        taskRow(`t${String(n).padStart(4, "0")}`, {
          deploymentId: this.primaryId,
          createdAt: this.now,
          loadBalancers: this.#balanced ? [balancer] : [],
          containerInstanceArn: open[n % open.length] ?? "",
          availabilityZone: n % 2 === 0 ? "us-east-1a" : "us-east-1b",
        }),
      );
    }
    if (count > 0)
      this.service = setShortfall(
        this.service,
        placed < count ? { count: count - placed, reason: "no room" } : undefined,
        this.now,
      );
    return decision;
  }

  update(change: { readonly desiredCount?: number; readonly forceNewDeployment?: boolean }): void {
    const number = deploymentNumber(++this.#deployments);
    this.service = updateService(this.service, change, ACCOUNT, number, this.now).service;
  }

  /** The agent reports the task one step further; a stopping one ends. */
  progress(id: string): void {
    this.#change(id, (t) => {
      if (t.desiredStatus === "STOPPED")
        return reportTask(t, { status: "STOPPED", containers: [] }, this.now);
      if (t.lastStatus === "ACTIVATING") return activateTask(t, [`key-${t.id}`], this.now);
      const containers = [{ name: "app", status: "RUNNING" as const }];
      return hasReached(t, "ACTIVATING") ? t : reportTask(t, { status: "RUNNING", containers }, this.now);
    });
  }

  exit(id: string): void {
    const containers = [{ name: "app", status: "STOPPED" as const, exitCode: 1 }];
    this.#change(id, (t) => reportTask(t, { status: "STOPPED", containers }, this.now));
  }

  setHealth(id: string, state: TargetHealth["state"]): void {
    this.health.set(id, { state });
  }

  /** Protects the task so long (milliseconds); takes its protection back without. */
  protect(id: string, forMs?: number): void {
    this.#change(id, (t) => protectTask(t, forMs === undefined ? undefined : this.now + forMs));
  }

  /** Everything goes well from here on: every task progresses and becomes healthy. */
  allWell(): void {
    for (const task of this.tasks.filter((t) => t.lastStatus !== "STOPPED")) {
      this.progress(task.id);
      this.setHealth(task.id, "healthy");
    }
  }

  wanted(): readonly TaskRow[] {
    return this.tasks.filter((t) => t.desiredStatus === "RUNNING");
  }

  #change(id: string, to: (task: TaskRow) => TaskRow): void {
    this.tasks = this.tasks.map((t) => (t.id === id ? to(t) : t));
  }
}
