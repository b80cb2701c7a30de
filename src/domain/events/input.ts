// What a target is sent (EventBridge User Guide, "Amazon EventBridge input transformation"): the event, a part of it, a constant,
// or a template with parts put in.
import { isObject, type Json } from "./json.ts";
import type { EventEnvelope } from "./delivery.ts";
import type { RuleRow, TargetInput } from "./rule.ts";

type PathStep = string | number;

/** `$.detail.containers[0].name` as its steps; undefined for a path that is not understood. */
export function readPath(path: string): readonly PathStep[] | undefined {
  if (!path.startsWith("$")) return undefined;
  const steps: PathStep[] = [];
  let rest = path.slice(1);
  while (rest !== "") {
    const found = /^(?:\.([\w-]+)|\['([^'\]]+)'\]|\[(\d{1,6})\])/.exec(rest);
    if (found === null) return undefined;
    const [whole, dotted, quoted, index] = found;
    steps.push(index === undefined ? (dotted ?? quoted ?? "") : Number(index));
    rest = rest.slice(whole.length);
  }
  return steps;
}

function valueAt(event: Json, path: string): Json | undefined {
  return (readPath(path) ?? []).reduce<Json | undefined>((value, step) => {
    if (typeof step === "number") return Array.isArray(value) ? (value as readonly Json[])[step] : undefined;
    return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, event);
}

/** The text that the target gets. */
export function inputFor(
  input: TargetInput | undefined,
  event: EventEnvelope,
  rule: Pick<RuleRow, "arn" | "name">,
  ingestedAt: string,
): string {
  const json = event as unknown as Json;
  if (input === undefined) return JSON.stringify(event);
  if (input.kind === "constant") return input.text;
  if (input.kind === "path") return JSON.stringify(valueAt(json, input.path) ?? {});
  const values: Record<string, Json | undefined> = {
    "aws.events.rule-arn": rule.arn,
    "aws.events.rule-name": rule.name,
    "aws.events.event.ingestion-time": ingestedAt,
    "aws.events.event": withoutDetail(event),
    "aws.events.event.json": json,
  };
  for (const [name, path] of Object.entries(input.paths)) values[name] = valueAt(json, path);
  return fill(input.template, (name) => (Object.hasOwn(values, name) ? { value: values[name] } : undefined));
}

/** `aws.events.event` is the event without its detail. */
function withoutDetail(event: EventEnvelope): Json {
  const { detail: _, ...rest } = event;
  return rest;
}

/** Placeholders between quotes become text, others JSON; a `<word>` that is no placeholder stays. */
function fill(template: string, lookUp: (name: string) => { value: Json | undefined } | undefined): string {
  let isQuoted = false;
  let out = "";
  for (let i = 0; i < template.length;) {
    const char = template.charAt(i);
    const name = char === "<" ? /^<([\w.-]{1,128})>/.exec(template.slice(i, i + 131))?.[1] : undefined;
    const found = name === undefined ? undefined : lookUp(name);
    if (name !== undefined && found !== undefined) {
      out += isQuoted ? quotedForm(found.value) : JSON.stringify(found.value ?? "");
      i += name.length + 2;
      continue;
    }
    if (char === "\\" && isQuoted) {
      out += template.slice(i, i + 2);
      i += 2;
      continue;
    }
    if (char === '"') isQuoted = !isQuoted;
    out += char;
    i += 1;
  }
  return out;
}

function quotedForm(value: Json | undefined): string {
  const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  return JSON.stringify(text).slice(1, -1);
}
