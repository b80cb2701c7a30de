// The Placement port: plans with the scheduler over the live picture and commits the tasks in bounded transactions that ask
// again for what the plan rests on. The only place where tasks come into being.
import type { Clock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { Random } from "#lib/random.ts";
import { resourcesOf } from "#scheduler/demand.ts";
import { ExpressionError, parseExpression } from "#scheduler/expression.ts";
import { firstRefusal } from "#scheduler/filters.ts";
import { type Demand, occupied, type SchedulerInstance } from "#scheduler/instance.ts";
import { place, type Plan } from "#scheduler/place.ts";
import { RUN_TASK_DEFAULT, SERVICE_DEFAULT } from "#scheduler/strategies.ts";
import { EXTERNAL_ATTRIBUTE } from "#domain/ecs/container-instance.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import type {
  Placement,
  PlacementFailure,
  PlacementRequest,
  PlacementResult,
} from "#domain/ports/placement.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { subnets } from "#store/tables/ec2.ts";
import type { Reader, Store, Watch } from "#store/store.ts";
import { containerInstances, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import type { Controller } from "../controller.ts";
import { type Commit, commitPlan } from "./commit.ts";
import { commitFargate, FARGATE_TASKS_PER_TRANSACTION } from "./fargate.ts";
import { Picture } from "./picture.ts";
import type { PoolSettings } from "./pool-host.ts";
import { checkRoles } from "./roles.ts";

export interface PlacementDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Of Fargate's hosts. */
  readonly pool?: PoolSettings;
}

const USUAL_POOL: PoolSettings = { mostHosts: 64 };

/** More tasks than this in one go would hold up the event loop, or break the store's limits on a transaction. */
const TASKS_PER_TRANSACTION = 90;
/** A task with a network interface is three rows: its own, the interface's, the address's. */
const TASKS_WITH_INTERFACE = 30;
const BYTES_PER_TRANSACTION = 700 * 1024;
/** Plans that met only conflicts, before the rest is reported as not placed. */
const ATTEMPTS_WITHOUT_PROGRESS = 5;

export function createPlacement({
  store,
  clock,
  random,
  pool = USUAL_POOL,
}: PlacementDependencies): Placement & Controller {
  const picture = new Picture();
  let watch: Watch | undefined;
  const follow = () => {
    watch ??= store.snapshotAndWatch([containerInstances, tasks], { notify: follow });
    picture.apply(watch.take());
  };

  /** Plans and commits up to one transaction's worth. Everything up to the commit's sync happens in one turn of the event loop. */
  const placeSome = async (request: PlacementRequest, looked: Looked, { count, given, isFirst }: Part) => {
    follow();
    const instances = picture.cluster(request.region, request.clusterName);
    const input = { instances, demand: looked.demand, strategy: looked.strategy, random };
    const plan =
      given === undefined
        ? place({ ...input, count })
        : onGiven(given, (arn) => instances.get(arn), looked.demand);
    const assumed: TaskRow[] = [];
    try {
      return await store.transact((tx) => {
        const known = isFirst ? madeBefore(tx, request) : [];
        if (known.length > 0)
          return {
            plan,
            created: known,
            conflicts: [],
            enough: true,
            exhausted: undefined,
            isRepeat: true,
          };
        const done = commitPlan(tx, request, looked.definition, plan.assignments, random, clock.now());
        for (const task of done.created) {
          picture.setTask(taskKey(task.region, task.clusterName, task.id), task);
          assumed.push(task);
        }
        return { plan, exhausted: undefined, ...done, isRepeat: false };
      });
    } catch (error) {
      for (const task of assumed) picture.setTask(taskKey(task.region, task.clusterName, task.id), undefined);
      throw error;
    }
  };

  const placeOnFargate = async (
    request: PlacementRequest,
    definition: TaskDefinitionRow,
  ): Promise<PlacementResult> => {
    const placed: TaskRow[] = [];
    for (;;) {
      const count = Math.min(FARGATE_TASKS_PER_TRANSACTION, request.count - placed.length);
      const { created, failure, isRepeat } = await store.transact((tx) => {
        const known = placed.length > 0 ? [] : madeBefore(tx, request);
        if (known.length > 0) return { created: known, failure: undefined, isRepeat: true };
        const parts = { pool, random, now: clock.now() };
        const done = commitFargate(tx, request, definition, count, placed, parts);
        return { failure: undefined, ...done, isRepeat: false };
      });
      placed.push(...created);
      if (failure !== undefined)
        return {
          tasks: placed,
          failures: [failure],
          explanation: `was unable to place a task. Reason: ${failure.detail ?? failure.reason}`,
        };
      if (isRepeat || created.length < count || placed.length >= request.count)
        return { tasks: placed, failures: [] };
      await new Promise((resume) => setImmediate(resume));
    }
  };

  return {
    async start() {
      follow();
    },
    async close() {
      watch?.close();
    },

    async place(request): Promise<PlacementResult> {
      const looked = lookUp(store, request);
      if (request.launchType === "FARGATE") return placeOnFargate(request, looked.definition);
      const total = request.containerInstanceArns?.length ?? request.count;
      const batch = batchSize(looked.definition);
      const placed: TaskRow[] = [];
      const refused: Plan["refusals"][number][] = [];
      let given = request.containerInstanceArns;
      let idle = 0;
      for (;;) {
        const { plan, created, conflicts, enough, exhausted, isRepeat } = await placeSome(request, looked, {
          count: Math.min(batch, total - placed.length),
          given: given?.slice(0, batch),
          isFirst: placed.length === 0,
        });
        if (isRepeat) return { tasks: created, failures: [] };
        placed.push(...created);
        if (exhausted !== undefined) return { tasks: placed, ...noAddress(exhausted, refused) };
        idle = created.length > 0 ? 0 : idle + 1;
        const isStuck = conflicts.length > 0 && idle >= ATTEMPTS_WITHOUT_PROGRESS;
        if (given !== undefined) {
          refused.push(...plan.refusals);
          if (isStuck)
            refused.push(...conflicts.map((instanceArn) => ({ instanceArn, reason: "RESOURCE:CPU" })));
          given = [...(isStuck ? [] : conflicts), ...given.slice(batch)];
          if (given.length === 0) return resultOf(placed, { assignments: [], refusals: refused });
        } else {
          if (placed.length >= total) return resultOf(placed, undefined);
          if (isStuck || (conflicts.length === 0 && plan.explanation !== undefined))
            return resultOf(placed, plan);
          if (enough && request.service !== undefined && created.length < plan.assignments.length)
            return resultOf(placed, undefined);
        }
        await new Promise((resume) => setImmediate(resume));
      }
    },
  };
}

/** The tasks that an earlier request with the same client token made. */
const madeBefore = (tx: Reader, { region, clientToken }: PlacementRequest): readonly TaskRow[] =>
  clientToken === undefined
    ? []
    : tx.find(tasks, "clientToken", `${region}/${clientToken}`).map(([, row]) => row);

interface Part {
  readonly count: number;
  /** StartTask's instances. */
  readonly given: readonly string[] | undefined;
  /** No task of this request exists yet, unless an earlier one with its client token made them. */
  readonly isFirst: boolean;
}

function noAddress(
  { instanceArn, reason }: NonNullable<Commit["exhausted"]>,
  refused: readonly Plan["refusals"][number][],
): Pick<PlacementResult, "failures" | "explanation"> {
  const others = refused.map((r): PlacementFailure => ({ arn: r.instanceArn, reason: r.reason }));
  return {
    failures: [...others, { arn: instanceArn, reason: "RESOURCE:ENI", detail: reason }],
    explanation: `was unable to place a task. Reason: ${reason}`,
  };
}

const resultOf = (placed: readonly TaskRow[], plan: Plan | undefined): PlacementResult => ({
  tasks: placed,
  failures: (plan?.refusals ?? []).map(({ instanceArn, reason }): PlacementFailure => ({
    arn: instanceArn,
    reason,
  })),
  ...(plan?.explanation === undefined ? {} : { explanation: plan.explanation }),
});

interface Looked {
  readonly definition: TaskDefinitionRow;
  readonly demand: Demand;
  readonly strategy: PlacementRequest["strategy"];
}

/** @throws ServiceError for a definition that is not there, a constraint that cannot be read, what Estiba cannot place */
function lookUp(store: Store, request: PlacementRequest): Looked {
  const definition = store.find(taskDefinitions, "arn", request.taskDefinitionArn)[0]?.[1];
  if (definition === undefined)
    throw new ServiceError("ClientException", "Unable to describe task definition.");
  if ((definition.body.networkMode === "awsvpc") !== (request.network !== undefined))
    throw new ServiceError(
      "InvalidParameterException",
      "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    );
  checkRoles(store, request, definition.body);
  const constraints = [...request.constraints, ...(definition.body.placementConstraints ?? [])];
  const isExternal = request.launchType === "EXTERNAL";
  const required = (definition.body.requiresAttributes ?? []).flatMap(({ name, value }) =>
    name === undefined ? [] : [{ name, ...(value === undefined ? {} : { value }) }],
  );
  const fallback = request.service === undefined ? RUN_TASK_DEFAULT : SERVICE_DEFAULT;
  return {
    definition,
    demand: {
      ...resourcesOf(definition.body, request.overrides),
      attributes: [...required, ...(isExternal ? [{ name: EXTERNAL_ATTRIBUTE }] : [])],
      ...(isExternal ? {} : { withoutAttribute: EXTERNAL_ATTRIBUTE }),
      memberOf: constraints.flatMap((c) =>
        c.type === "memberOf" ? [readExpression(c.expression ?? "")] : [],
      ),
      distinctInstance: constraints.some((c) => c.type === "distinctInstance"),
      group: request.group,
      ...(request.network === undefined
        ? {}
        : {
            interface: {
              vpcId: request.network.vpcId,
              zones: new Set(
                request.network.subnetIds.flatMap(
                  (id) => store.get(subnets, ec2Key(request.region, id))?.availabilityZone ?? [],
                ),
              ),
            },
          }),
    },
    strategy: request.strategy.length > 0 ? request.strategy : fallback,
  };
}

function readExpression(text: string) {
  try {
    return parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ServiceError("InvalidParameterException", `Invalid placement constraint: ${error.message}.`);
  }
}

/** StartTask: one task on each instance that was named and may take it. */
function onGiven(
  arns: readonly string[],
  get: (arn: string) => SchedulerInstance | undefined,
  demand: Demand,
): Plan {
  const { applying, refusedBy } = firstRefusal(demand);
  const now = new Map<string, SchedulerInstance>();
  const assignments: string[] = [];
  const refusals: Plan["refusals"][number][] = [];
  for (const arn of arns) {
    const instance = now.get(arn) ?? get(arn);
    const reason = instance === undefined ? "MISSING" : applying[refusedBy(instance)]?.reason;
    if (reason !== undefined) refusals.push({ instanceArn: arn, reason });
    else if (instance !== undefined) {
      assignments.push(arn);
      now.set(arn, occupied(instance, demand));
    }
  }
  return { assignments, refusals };
}

/** By the definition's size, of which a task's row repeats a part. */
function batchSize({ body }: TaskDefinitionRow): number {
  const bytes = 4096 + JSON.stringify(body).length;
  const most = body.networkMode === "awsvpc" ? TASKS_WITH_INTERFACE : TASKS_PER_TRANSACTION;
  return Math.max(1, Math.min(most, Math.floor(BYTES_PER_TRANSACTION / bytes)));
}
