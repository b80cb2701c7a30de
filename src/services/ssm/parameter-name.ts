// Names of parameters: what may be one, and what a caller means by a name, an ARN, or either with a version or label behind it.
import { ServiceError } from "#lib/errors.ts";
import { formatArn, parseArn } from "#lib/arn.ts";
import { constraint, validation } from "./errors.ts";

export interface Place {
  readonly region: string;
  readonly account: string;
}

/** Systems Manager User Guide, "Creating Parameter Store parameters": with what an ARN puts before it. */
const LONGEST_ARN = 1011;
const MOST_LEVELS = 15;
const SUB_PATHS =
  "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_";

export const parameterArn = ({ region, account }: Place, name: string): string =>
  formatArn({
    service: "ssm",
    region,
    account,
    resource: `parameter${name.startsWith("/") ? "" : "/"}${name}`,
  });

/** Of a parameter that is to be made. @throws ValidationException, AccessDeniedException, HierarchyLevelLimitExceededException */
export function checkNewName(place: Place, name: string): string {
  if (name.length > 2048)
    throw constraint(name, "name", "Member must have length less than or equal to 2048");
  if (!/^[\w./-]+$/.test(name) || /\/\/|.\/$|^\/$/.test(name))
    throw validation(`Parameter name: can't be prefixed with "ssm" (case-insensitive). ${SUB_PATHS}`);
  if (name.includes("/") && !name.startsWith("/"))
    throw validation("Parameter name must be a fully qualified name.");
  const isPath = name.lastIndexOf("/") > 0;
  const start = /^\/?(aws|ssm)/i.exec(name)?.[1]?.toLowerCase();
  if (start === "aws" && isPath)
    throw new ServiceError("AccessDeniedException", `No access to reserved parameter name: ${name}.`);
  if (start !== undefined && !isPath)
    throw validation('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).');
  if (start !== undefined)
    throw validation(`Parameter name: can't be prefixed with "ssm" (case-insensitive). ${SUB_PATHS}`);
  if (parameterArn(place, name).length > LONGEST_ARN)
    throw validation(
      `Parameter name: the fully qualified name exceeds the maximum length of ${LONGEST_ARN}.`,
    );
  if (name.split("/").length - 1 > MOST_LEVELS)
    throw new ServiceError(
      "HierarchyLevelLimitExceededException",
      `A hierarchy can have a maximum of ${MOST_LEVELS} levels. Your parameter name: ${name}`,
    );
  return name;
}

export interface NamedParameter {
  /** As it stands in the request, without the selector. */
  readonly name: string;
  /** The name was given as an ARN: whether it begins with a slash is not known. */
  readonly byArn: boolean;
  /** Version or label. */
  readonly selector?: string;
  /** An ARN of another region or account, or of no parameter at all. */
  readonly isElsewhere: boolean;
}

export function readName({ region, account }: Place, given: string): NamedParameter {
  const arn = parseArn(given);
  if (arn === undefined) {
    const colon = given.indexOf(":");
    const name = colon < 0 ? given : given.slice(0, colon);
    return { name, byArn: false, isElsewhere: false, ...selectorIn(given, colon) };
  }
  const colon = arn.resource.indexOf(":");
  const resource = colon < 0 ? arn.resource : arn.resource.slice(0, colon);
  const isParameter = arn.service === "ssm" && resource.startsWith("parameter/");
  const isPublic = arn.account === "" && resource.startsWith("parameter/aws/");
  return {
    name: resource.replace(/^parameter/, ""),
    byArn: true,
    isElsewhere: !isParameter || arn.region !== region || (arn.account !== account && !isPublic),
    ...selectorIn(arn.resource, colon),
  };
}

const selectorIn = (text: string, colon: number) => (colon < 0 ? {} : { selector: text.slice(colon + 1) });
