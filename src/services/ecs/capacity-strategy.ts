// Capacity provider strategies (API reference, "CapacityProviderStrategyItem") and the providers of a cluster, checked in AWS's
// words. FARGATE and FARGATE_SPOT are the only providers that there are.
import type { CapacityProviderStrategyItem } from "@aws-sdk/client-ecs";
import { ecsResourceOf } from "#domain/ecs/arns.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { type CapacityProviderName, isCapacityProvider, type StrategyItem } from "#domain/ecs/fargate.ts";
import { invalidParameter } from "./errors.ts";
import { honourOnly } from "./refuse.ts";

const MOST_ITEMS = 20;
const MOST_BASE = 100_000;
const MOST_WEIGHT = 1000;

/** By name or ARN. @throws InvalidParameterException */
export function readProvider(given: string): CapacityProviderName {
  const parts = given.startsWith("arn:") ? ecsResourceOf(given)?.parts : ["capacity-provider", given];
  const name = parts?.[0] === "capacity-provider" && parts.length === 2 ? (parts[1] ?? "") : "";
  if (isCapacityProvider(name)) return name;
  throw invalidParameter(
    `The specified capacity provider '${given}' was not found. Specify a valid name or ARN and try again.`,
  );
}

/** Each once. @throws InvalidParameterException */
export function readProviders(given: readonly string[] = []): readonly CapacityProviderName[] {
  if (given.length > MOST_ITEMS)
    throw invalidParameter(`capacityProviders can have at most ${MOST_ITEMS} items.`);
  return [...new Set(given.map(readProvider))];
}

/** @param associated providers of the cluster @throws InvalidParameterException */
export function readStrategyItems(
  given: readonly CapacityProviderStrategyItem[],
  associated: readonly CapacityProviderName[],
): readonly StrategyItem[] {
  if (given.length > MOST_ITEMS)
    throw invalidParameter(`A capacity provider strategy can have at most ${MOST_ITEMS} items.`);
  const items = given.map((item, i): StrategyItem => {
    honourOnly(
      item,
      ["capacityProvider", "base", "weight"],
      "InvalidParameterException",
      `capacityProviderStrategy[${i}].`,
    );
    const { capacityProvider = "", base = 0, weight = 0 } = item;
    if (!Number.isInteger(base) || base < 0 || base > MOST_BASE)
      throw invalidParameter(`The base of a capacity provider must be between 0 and ${MOST_BASE}.`);
    if (!Number.isInteger(weight) || weight < 0 || weight > MOST_WEIGHT)
      throw invalidParameter(`The weight of a capacity provider must be between 0 and ${MOST_WEIGHT}.`);
    return { capacityProvider: readProvider(capacityProvider), base, weight };
  });
  const names = items.map((item) => item.capacityProvider);
  if (new Set(names).size !== names.length)
    throw invalidParameter("The specified capacity provider strategy contains a capacity provider twice.");
  if (names.some((name) => !associated.includes(name)))
    throw invalidParameter(
      "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again.",
    );
  if (items.filter(({ base }) => base > 0).length > 1)
    throw invalidParameter(
      "There are multiple capacity providers in the specified capacity provider strategy with a base value defined.",
    );
  return items;
}

/** Of a strategy that tasks are to be placed with. @throws InvalidParameterException */
export function checkWeights(items: readonly StrategyItem[]): void {
  if (items.length > 1 && items.every(({ weight }) => weight === 0))
    throw invalidParameter(
      "The specified capacity provider strategy must contain at least one capacity provider with a weight value greater than 0.",
    );
}

export const providersOf = ({ capacityProviders = [] }: ClusterRow) => capacityProviders;
