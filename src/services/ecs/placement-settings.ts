// placementConstraints and placementStrategy of RunTask, CreateService and UpdateService (ECS Developer Guide, "Task placement").
import type {
  PlacementConstraint as GivenConstraint,
  PlacementStrategy as GivenStrategy,
} from "@aws-sdk/client-ecs";
import { ExpressionError, parseExpression } from "#scheduler/expression.ts";
import type { PlacementConstraint, PlacementStrategy } from "#domain/ecs/service.ts";
import { invalidParameter } from "./errors.ts";

const MOST_CONSTRAINTS = 10;
const MOST_STRATEGIES = 5;

/** @throws InvalidParameterException */
export function readConstraints(given: readonly GivenConstraint[] = []): readonly PlacementConstraint[] {
  if (given.length > MOST_CONSTRAINTS)
    throw invalidParameter(`A maximum of ${MOST_CONSTRAINTS} placement constraints can be specified.`);
  return given.map(({ type, expression = "" }): PlacementConstraint => {
    switch (type) {
      case "distinctInstance":
        if (expression !== "")
          throw invalidParameter("Expression is not valid for placement constraint type distinctInstance.");
        return { type };
      case "memberOf":
        checkExpression(expression);
        return { type, expression };
      default:
        throw invalidParameter(`Invalid placement constraint type '${type ?? ""}'.`);
    }
  });
}

function checkExpression(text: string): void {
  try {
    parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw invalidParameter(`Invalid placement constraint: ${error.message}.`);
  }
}

/** @throws InvalidParameterException */
export function readStrategy(given: readonly GivenStrategy[] = []): readonly PlacementStrategy[] {
  if (given.length > MOST_STRATEGIES)
    throw invalidParameter(`A maximum of ${MOST_STRATEGIES} placement strategies can be specified.`);
  return given.map(({ type, field = "" }): PlacementStrategy => {
    switch (type) {
      case "random":
        if (field !== "") throw invalidParameter("Field is not valid for placement strategy type random.");
        return { type };
      case "binpack":
        return { type, field: binpackField(field) };
      case "spread":
        return { type, field: spreadField(field) };
      default:
        throw invalidParameter(`Invalid placement strategy type '${type ?? ""}'.`);
    }
  });
}

function binpackField(field: string): string {
  const name = field.toLowerCase();
  if (name !== "cpu" && name !== "memory")
    throw invalidParameter(`Invalid field '${field}' for placement strategy type binpack.`);
  // As AWS shows it.
  return name.toUpperCase();
}

function spreadField(field: string): string {
  // `host` is another word for it.
  if (/^(instanceid|host)$/i.test(field)) return "instanceId";
  if (!/^attribute:[A-Za-z0-9_./\\-]{1,128}$/.test(field))
    throw invalidParameter(`Invalid field '${field}' for placement strategy type spread.`);
  return field;
}
