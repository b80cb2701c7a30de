// The comparisons behind the condition operators (IAM User Guide, "Condition operators"): one policy value with one value of
// the request. Negation, quantifiers and missing keys are condition.ts's.
import { isInRange } from "#lib/address-range.ts";
import { matchesArn, readArnPattern } from "./arn-pattern.ts";
import { type Context, matches, type Pattern, readPattern, resolve } from "./pattern.ts";

/** Whether a value of the request has the relation; undefined when a variable in the policy's value has no value. */
export type Comparison = (actual: string, context: Context) => boolean | undefined;

interface Operator {
  readonly negated: boolean;
  readonly read: (value: string, variables: boolean) => Comparison;
}

type Read = Operator["read"];

const text =
  (wildcards: boolean, fold: (value: string) => string = (value) => value): Read =>
  (value, variables) => {
    // Folding before reading would fold the names of variables only, which have no case.
    const pattern: Pattern = readPattern(fold(value), { wildcards, variables });
    return (actual, context) => {
      const resolved = resolve(pattern, context);
      if (resolved === undefined) return undefined;
      const folded = pattern.hasVariables
        ? resolved.map((part) => (typeof part === "string" ? fold(part) : part))
        : resolved;
      return matches(folded, fold(actual));
    };
  };

const arn: Read = (value, variables) => {
  const pattern = readArnPattern(value, { wildcards: true, variables });
  return (actual, context) => matchesArn(pattern, actual, context);
};

/** Values that say nothing in the form (a word among numbers) have no relation to anything. */
const ordered =
  (read: (value: string) => number, holds: (actual: number, wanted: number) => boolean): Read =>
  (value) => {
    const wanted = read(value);
    return (actual) => {
      const given = read(actual);
      return !Number.isNaN(wanted) && !Number.isNaN(given) && holds(given, wanted);
    };
  };

const readNumber = (value: string): number =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : NaN;

/** Milliseconds. ISO 8601 as the W3C profiles it, or seconds since 1970. */
const readDate = (value: string): number => {
  const given = value.trim();
  if (/^\d+(\.\d+)?$/.test(given) && given.length > 4) return Number(given) * 1000;
  if (!/^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?$/.test(given)) return NaN;
  return Date.parse(given);
};

const equal = (actual: number, wanted: number) => actual === wanted;
const less = (actual: number, wanted: number) => actual < wanted;
const atMost = (actual: number, wanted: number) => actual <= wanted;
const more = (actual: number, wanted: number) => actual > wanted;
const atLeast = (actual: number, wanted: number) => actual >= wanted;

const lower = (value: string) => value.toLowerCase();
const bool: Read = (value) => (actual) => /^(true|false)$/i.test(value) && lower(actual) === lower(value);
const binary: Read = (value) => (actual) => actual === value;
const address: Read = (value) => (actual) => isInRange(actual, value);

const is = (read: Read): Operator => ({ read, negated: false });
const isNot = (read: Read): Operator => ({ read, negated: true });

/** Every operator but Null, which asks for the key and not for its values. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    StringEquals: is(text(false)),
    StringNotEquals: isNot(text(false)),
    StringEqualsIgnoreCase: is(text(false, lower)),
    StringNotEqualsIgnoreCase: isNot(text(false, lower)),
    StringLike: is(text(true)),
    StringNotLike: isNot(text(true)),
    NumericEquals: is(ordered(readNumber, equal)),
    NumericNotEquals: isNot(ordered(readNumber, equal)),
    NumericLessThan: is(ordered(readNumber, less)),
    NumericLessThanEquals: is(ordered(readNumber, atMost)),
    NumericGreaterThan: is(ordered(readNumber, more)),
    NumericGreaterThanEquals: is(ordered(readNumber, atLeast)),
    DateEquals: is(ordered(readDate, equal)),
    DateNotEquals: isNot(ordered(readDate, equal)),
    DateLessThan: is(ordered(readDate, less)),
    DateLessThanEquals: is(ordered(readDate, atMost)),
    DateGreaterThan: is(ordered(readDate, more)),
    DateGreaterThanEquals: is(ordered(readDate, atLeast)),
    Bool: is(bool),
    BinaryEquals: is(binary),
    IpAddress: is(address),
    NotIpAddress: isNot(address),
    // AWS gives the two names of each pair one meaning.
    ArnEquals: is(arn),
    ArnLike: is(arn),
    ArnNotEquals: isNot(arn),
    ArnNotLike: isNot(arn),
  }),
);
