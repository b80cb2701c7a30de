// Weighted forwards: a request draws a number below `drawBound`; the listener's map entry holds each group's upper bound.
import type { ListenerAction, ProxyStructure } from "../port.ts";
import { safeName } from "./escape.ts";

export const drawBound = 1_000_000;

/** Cumulative bounds joined by `_`, for instance `900000_1000000` for weights 9 and 1. All zero: nothing is drawn. */
export function weightBounds(action: Extract<ListenerAction, { type: "forward" }>): string {
  const total = action.targetGroups.reduce((sum, group) => sum + group.weight, 0);
  let sum = 0;
  return action.targetGroups
    .map((group) => Math.round(((sum += group.weight) / Math.max(1, total)) * drawBound))
    .join("_");
}

/** Listener id → bounds, for listeners that forward to several groups. */
export function weightMap(structure: ProxyStructure): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const listener of structure.loadBalancers.flatMap((lb) => lb.listeners)) {
    const action = listener.defaultAction;
    if (action.type === "forward" && action.targetGroups.length > 1)
      entries.set(safeName(listener.id), weightBounds(action));
  }
  return entries;
}

export const weightMapText = (entries: ReadonlyMap<string, string>): string =>
  [...entries].map(([key, value]) => `${key} ${value}\n`).join("");
