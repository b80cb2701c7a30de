// deploymentConfiguration, deploymentController and availabilityZoneRebalancing: rolling updates between two percentages.
// Circuit breaker, alarms, hooks and the other strategies are refused unless they are switched off.
import type { CreateServiceRequest, DeploymentConfiguration } from "@aws-sdk/client-ecs";
import type { ServiceRow } from "#domain/ecs/service.ts";
import { invalidParameter, notImplemented } from "./errors.ts";
import { honourOnly } from "./refuse.ts";

type Percentages = Pick<ServiceRow, "minimumHealthyPercent" | "maximumPercent">;

export const DEFAULT_PERCENTAGES: Percentages = { minimumHealthyPercent: 100, maximumPercent: 200 };

/**
 * What the configuration asks for over what holds `before`.
 * @throws InvalidParameterException
 */
export function readPercentages(
  given: DeploymentConfiguration | undefined,
  before: Percentages,
): Percentages {
  const { minimumHealthyPercent, maximumPercent } = before;
  if (given === undefined) return { minimumHealthyPercent, maximumPercent };
  const path = "deploymentConfiguration.";
  honourOnly(
    given,
    [
      "minimumHealthyPercent",
      "maximumPercent",
      "strategy",
      "bakeTimeInMinutes",
      "deploymentCircuitBreaker",
      "alarms",
    ],
    "InvalidParameterException",
    path,
  );
  const refuse = (member: string) => notImplemented(`The member '${path}${member}'`);
  if (given.strategy !== undefined && given.strategy !== "ROLLING")
    throw notImplemented(`The deployment strategy '${given.strategy}' in '${path}strategy'`);
  if ((given.bakeTimeInMinutes ?? 0) !== 0) throw refuse("bakeTimeInMinutes");
  if (given.deploymentCircuitBreaker?.enable === true || given.deploymentCircuitBreaker?.rollback === true)
    throw refuse("deploymentCircuitBreaker");
  if (given.alarms?.enable === true || given.alarms?.rollback === true) throw refuse("alarms");
  return checked({
    minimumHealthyPercent: given.minimumHealthyPercent ?? minimumHealthyPercent,
    maximumPercent: given.maximumPercent ?? maximumPercent,
  });
}

function checked(percentages: Percentages): Percentages {
  const { minimumHealthyPercent: minimum, maximumPercent: maximum } = percentages;
  if (!Number.isInteger(minimum) || minimum < 0)
    throw invalidParameter("minimumHealthyPercent must be a whole number of at least 0.");
  if (!Number.isInteger(maximum) || maximum < 100)
    throw invalidParameter("maximumPercent must be a whole number of at least 100.");
  if (minimum === 100 && maximum === 100)
    throw invalidParameter(
      "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
    );
  if (minimum > maximum)
    throw invalidParameter("minimumHealthyPercent must not be greater than maximumPercent.");
  return percentages;
}

/** @throws InvalidParameterException unless the service is one that Estiba's controller deploys */
export function checkController({
  deploymentController,
  availabilityZoneRebalancing,
}: Pick<CreateServiceRequest, "deploymentController" | "availabilityZoneRebalancing">): void {
  if (deploymentController !== undefined && deploymentController.type !== "ECS")
    throw notImplemented(`The deployment controller '${deploymentController.type}'`);
  if (availabilityZoneRebalancing !== undefined && availabilityZoneRebalancing !== "DISABLED")
    throw notImplemented(`The member 'availabilityZoneRebalancing' other than DISABLED`);
}
