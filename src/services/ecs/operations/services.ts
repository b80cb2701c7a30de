// Services: create, update, delete, describe, list. A service's rows change by transitions; the service controller follows
// them, starts and stops tasks, and lets a deleted service become INACTIVE.
import { newDeploymentNumber } from "#lib/ids.ts";
import { serviceArn } from "#domain/ecs/arns.ts";
import { serviceChildKey, serviceKey, type ServiceRow } from "#domain/ecs/service.ts";
import {
  drainService,
  newService,
  primaryOf,
  type ServiceChange,
  type ServiceRows,
  updateService,
} from "#domain/ecs/service-transitions.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Transaction } from "#store/store.ts";
import { serviceDeployments, serviceRevisions, services } from "#store/tables/ecs.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter, serviceNotActive, serviceNotFound } from "../errors.ts";
import { clusterOf, findService, idWithin } from "../lookup.ts";
import { page } from "../paging.ts";
import { honourOnly } from "../refuse.ts";
import { namesGiven, wantsTags } from "../requested.ts";
import { readNewService, sameAsNew } from "../new-service.ts";
import { readServiceChange } from "../service-change.ts";
import { activeTasksOf } from "../service-tasks.ts";
import { showService } from "../show-service.ts";
import { ensureLinkedRole } from "../../linked-role.ts";

const MOST_DESCRIBED = 10;

export function serviceOperations({ store, clock, random, account }: EcsDependencies) {
  const answer = (row: ServiceRow) => ({ service: showService(store, row, { tags: true }) });

  return {
    /** Repeated with equal input it answers the service that is there. */
    async CreateService(input, context) {
      const row = await store.transact((tx) => {
        const wanted = readNewService(tx, context, input);
        const before = tx.get(services, serviceKey(wanted.region, wanted.clusterName, wanted.name));
        if (before?.status === "DRAINING")
          throw invalidParameter("Unable to Start a service that is still Draining.");
        if (before?.status === "ACTIVE") {
          if (sameAsNew(before, wanted)) return before;
          throw invalidParameter("Creation of service was not idempotent.");
        }
        const hasRole = ensureLinkedRole(tx, context, {
          service: "ecs.amazonaws.com",
          random,
          now: clock.now(),
        });
        const { loadBalancers, serviceRegistries, network } = wanted.specification;
        if (
          !hasRole &&
          (loadBalancers.length > 0 || serviceRegistries !== undefined || network !== undefined)
        ) {
          throw invalidParameter(
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
          );
        }
        return putRows(tx, newService(wanted, newDeploymentNumber(random), clock.now()));
      });
      return answer(row);
    },

    async UpdateService(input, context) {
      const row = await store.transact((tx) => {
        const before = serviceOf(tx, context, input.cluster, input.service);
        if (before.status !== "ACTIVE") throw serviceNotActive();
        const change: ServiceChange = readServiceChange(tx, context, input, before);
        return putRows(tx, updateService(before, change, account, newDeploymentNumber(random), clock.now()));
      });
      return answer(row);
    },

    /** The controller stops the tasks and then lets the service be INACTIVE. A DRAINING one is answered as it is. */
    async DeleteService(input, context) {
      honourOnly(input, ["cluster", "service", "force"]);
      const row = await store.transact((tx) => {
        const before = serviceOf(tx, context, input.cluster, input.service);
        if (before.status === "INACTIVE") throw serviceNotFound();
        if (before.status === "ACTIVE" && before.desiredCount > 0 && input.force !== true)
          throw invalidParameter("The service cannot be stopped while it is scaled above 0.");
        // Also one without tasks is DRAINING first: the controller ends its deployments' rows with it.
        const after = drainService(before, clock.now(), Math.max(1, activeTasksOf(tx, before).length));
        tx.put(services, serviceKey(after.region, after.clusterName, after.name), after);
        return after;
      });
      return answer(row);
    },

    DescribeServices(input, context) {
      honourOnly(input, ["cluster", "services", "include"]);
      const given = namesGiven(input.services, "Services", MOST_DESCRIBED);
      const cluster = clusterOf(store, context, input.cluster);
      const options = { tags: wantsTags(input.include) };
      const found: ServiceRow[] = [];
      const failures: { arn: string; reason: string }[] = [];
      for (const name of given) {
        const row = findService(store, context, cluster, name);
        if (row !== undefined) found.push(row);
        else {
          const id = idWithin("service", cluster, context, name);
          failures.push({
            arn: serviceArn(context.region, context.account, cluster.name, id),
            reason: "MISSING",
          });
        }
      }
      return { services: found.map((row) => showService(store, row, options)), failures };
    },

    /** ACTIVE ones only, by 10 unless asked otherwise. */
    ListServices(input, context) {
      honourOnly(input, ["cluster", "launchType", "schedulingStrategy", "maxResults", "nextToken"]);
      const cluster = clusterOf(store, context, input.cluster);
      const { launchType, schedulingStrategy, nextToken, maxResults } = input;
      const rows = Array.from(
        store.scan(services, { prefix: `${cluster.region}/${cluster.name}/` }),
        ([, row]) => row,
      ).filter(
        (row) =>
          row.status === "ACTIVE" &&
          (launchType === undefined || primaryOf(row)?.launchType === launchType) &&
          (schedulingStrategy === undefined || row.schedulingStrategy === schedulingStrategy),
      );
      const { items, more } = page(
        rows,
        (row) => row.name,
        ["ListServices", context.region, cluster.name, launchType, schedulingStrategy],
        { nextToken, maxResults },
        { usual: 10 },
      );
      return { serviceArns: items.map((row) => row.arn), ...more };
    },
  } satisfies EcsOperations;
}

/** INACTIVE ones too. @throws ServiceNotFoundException */
function serviceOf(
  tx: Transaction,
  context: RequestContext,
  clusterGiven: string | undefined,
  given: string | undefined,
): ServiceRow {
  const row = findService(tx, context, clusterOf(tx, context, clusterGiven), given ?? "");
  if (row === undefined) throw serviceNotFound();
  return row;
}

function putRows(tx: Transaction, { service, deployment, revision }: ServiceRows): ServiceRow {
  const { region, clusterName, name } = service;
  tx.put(services, serviceKey(region, clusterName, name), service);
  if (deployment !== undefined)
    tx.put(serviceDeployments, serviceChildKey(region, clusterName, name, deployment.id), deployment);
  if (revision !== undefined)
    tx.put(serviceRevisions, serviceChildKey(region, clusterName, name, revision.id), revision);
  return service;
}
