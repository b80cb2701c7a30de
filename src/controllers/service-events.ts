// Service events are rows, written in the transaction that makes what they tell of.
import type { ServiceRow } from "#domain/ecs/service.ts";
import { serviceEvent } from "#domain/ecs/service-transitions.ts";
import type { Transaction } from "#store/store.ts";
import { serviceEvents } from "#store/tables/ecs.ts";

/** `message` goes on from "(service X) ". Events of one millisecond keep their order by the number in their id. */
export function writeServiceEvent(
  tx: Transaction,
  service: Pick<ServiceRow, "region" | "clusterName" | "name">,
  message: string,
  now: number,
): void {
  const first = serviceEvent(service, message, idOf(service, now, 0), now);
  let sequence = 0;
  for (const _ of tx.scan(serviceEvents, { prefix: first.key.slice(0, -SUFFIX_LENGTH) })) sequence += 1;
  const { key, row } = serviceEvent(service, message, idOf(service, now, sequence), now);
  tx.put(serviceEvents, key, row);
}

/** "(task 0123…) (task 4567…)", as AWS lists tasks in an event. */
export const listOfTasks = (ids: readonly string[]): string => ids.map((id) => `(task ${id})`).join(" ");

const SUFFIX_LENGTH = 12;

/** Shaped as the UUIDs that AWS shows; the time and the number make it unique in its service. */
function idOf(service: Pick<ServiceRow, "name">, now: number, sequence: number): string {
  const time = now.toString(16).padStart(12, "0");
  const name = hash(service.name).toString(16).padStart(8, "0");
  const tail = sequence.toString(16).padStart(SUFFIX_LENGTH, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-4${name.slice(0, 3)}-8${name.slice(3, 6)}-${tail}`;
}

function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i += 1) value = (Math.imul(value, 31) + text.charCodeAt(i)) >>> 0;
  return value;
}
