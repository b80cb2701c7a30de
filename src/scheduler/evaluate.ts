// What an expression of the cluster query language says of an instance. A subject may have no value (a missing attribute) or
// several (the groups of the tasks there): == holds when one equals, != when none does.
import type { Comparison, Expression } from "./expression.ts";
import type { SchedulerInstance } from "./instance.ts";
import { compilePattern } from "./pattern.ts";

export type Predicate = (instance: SchedulerInstance) => boolean;

/** Compiled once for a request, asked of every instance. */
export function compile(expression: Expression): Predicate {
  switch (expression.op) {
    case "and":
    case "or": {
      const left = compile(expression.left);
      const right = compile(expression.right);
      return expression.op === "and" ? (i) => left(i) && right(i) : (i) => left(i) || right(i);
    }
    case "not": {
      const operand = compile(expression.operand);
      return (i) => !operand(i);
    }
    case "exists":
      return (i) => valuesOf(i, expression.subject).length > 0;
    case "in": {
      const values = new Set(expression.values);
      return (i) => valuesOf(i, expression.subject).some((v) => values.has(v));
    }
    case "matches": {
      const pattern = compilePattern(expression.pattern);
      return (i) => valuesOf(i, expression.subject).some((v) => pattern.test(v));
    }
    case "!=":
      return (i) => !valuesOf(i, expression.subject).includes(expression.value);
    default: {
      const { op, subject, value } = expression;
      return (i) => valuesOf(i, subject).some((v) => compare(op, v, value));
    }
  }
}

function valuesOf(instance: SchedulerInstance, subject: string): readonly string[] {
  switch (subject) {
    case "agentConnected":
      return [String(instance.agentConnected)];
    case "agentVersion":
      return instance.agentVersion === undefined ? [] : [instance.agentVersion];
    case "ec2InstanceId":
      return instance.ec2InstanceId === undefined ? [] : [instance.ec2InstanceId];
    case "registeredAt":
      return [String(instance.registeredAt)];
    case "runningTasksCount":
      return [String([...instance.groups.values()].reduce((sum, n) => sum + n, 0))];
    case "task:group":
      return [...instance.groups].flatMap(([group, count]) => (count > 0 ? [group] : []));
  }
  const value = instance.attributes.get(subject.slice("attribute:".length));
  return value === undefined ? [] : [value];
}

function compare(op: Exclude<Comparison, "!=">, a: string, b: string): boolean {
  if (op === "==") return a === b;
  const order = ordering(a, b);
  return op === ">" ? order > 0 : op === ">=" ? order >= 0 : op === "<" ? order < 0 : order <= 0;
}

/** Numbers and dotted versions by their parts, dates by time, anything else as text. */
function ordering(a: string, b: string): number {
  if (/^\d+(\.\d+)*$/.test(a) && /^\d+(\.\d+)*$/.test(b)) {
    const left = a.split(".");
    const right = b.split(".");
    for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
      const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
  const dates = [a, b].map((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)));
  const [x = NaN, y = NaN] = dates;
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return a < b ? -1 : a > b ? 1 : 0;
}
