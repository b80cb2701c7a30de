// The order in which events go out: a lane for each target and subject, in which one follows the other; lanes go side by side, but
// a few of one target only, so that a slow one holds up no other.

export interface Lanes<Item> {
  /** @returns the lane's name, to be worked on */
  add(target: string, subject: string, item: Item): string;
  head(lane: string): Item | undefined;
  /** Drops the head. @returns whether another follows */
  shift(lane: string): boolean;
  /** Takes one of the target's places; false when all are taken: the lane is named by `leave` when one is free. */
  enter(lane: string): boolean;
  /** @returns a lane that waited for the place */
  leave(lane: string): string | undefined;
}

/** `places`: how many lanes of one target go at the same time. */
export function createLanes<Item>(places: number): Lanes<Item> {
  const items = new Map<string, Item[]>();
  const targets = new Map<string, { running: number; readonly waiting: Set<string> }>();
  const targetOf = (lane: string) => lane.slice(0, lane.indexOf("\n"));

  return {
    add(target, subject, item) {
      const lane = `${target}\n${subject}`;
      const queue = items.get(lane);
      if (queue === undefined) items.set(lane, [item]);
      else queue.push(item);
      return lane;
    },
    head: (lane) => items.get(lane)?.[0],
    shift(lane) {
      const queue = items.get(lane);
      queue?.shift();
      if (queue !== undefined && queue.length > 0) return true;
      items.delete(lane);
      return false;
    },
    enter(lane) {
      const name = targetOf(lane);
      const target = targets.get(name) ?? { running: 0, waiting: new Set<string>() };
      targets.set(name, target);
      if (target.running >= places) {
        target.waiting.add(lane);
        return false;
      }
      target.running += 1;
      return true;
    },
    leave(lane) {
      const name = targetOf(lane);
      const target = targets.get(name);
      if (target === undefined) return undefined;
      target.running -= 1;
      const [next] = target.waiting;
      if (next !== undefined) target.waiting.delete(next);
      else if (target.running === 0) targets.delete(name);
      return next;
    },
  };
}
