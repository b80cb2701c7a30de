// Random transactions, failures and reopenings against plain maps: the store, its indexes and its subscribers must agree.
import fc from "fast-check";
import { expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { settle } from "#lib/test-clock.ts";
import { createStore } from "./create-store.ts";
import { createFailingBackend } from "./failing-backend.ts";
import { createGatedBackend } from "./gated-backend.ts";
import type { Fixture } from "./fixture.suite.ts";
import { type Reader, type Store, type Table, WriteFailed, defineTable } from "./store.ts";

interface Item {
  readonly tags: readonly string[];
}
const indexes = { tag: (row: Item) => row.tags };
const durable = defineTable<Item>({ name: "durable", indexes });
const memory = defineTable<Item>({ name: "memory", durability: "memory", indexes });
const tables = [durable, memory];

type Model = ReadonlyMap<Table<Item>, ReadonlyMap<string, Item>>;
const emptyModel = (): Model => new Map(tables.map((table) => [table, new Map()]));

const KEYS = ["a", "a/1", "a/2", "b", "b/1", "c"];
const TAGS = ["red", "green", "blue"];
const operation = fc.record({
  table: fc.constantFrom(...tables),
  key: fc.constantFrom(...KEYS),
  row: fc.option(fc.record({ tags: fc.array(fc.constantFrom(...TAGS), { maxLength: 3 }) }), {
    nil: undefined,
  }),
});
const transaction = fc.record({ operations: fc.array(operation, { maxLength: 5 }), throws: fc.boolean() });
/** One group in flight, a second wave built on it, and how the backend answers. */
const round = fc.record({
  flying: fc.array(transaction, { maxLength: 3 }),
  above: fc.array(transaction, { maxLength: 3 }),
  mode: fc.constantFrom("succeed" as const, "succeed" as const, "fail" as const, "write-then-fail" as const),
  reopen: fc.boolean(),
});
type Round = {
  readonly flying: readonly Planned[];
  readonly above: readonly Planned[];
  readonly mode: "succeed" | "fail" | "write-then-fail";
  readonly reopen: boolean;
};
type Planned = { readonly operations: readonly Operation[]; readonly throws: boolean };
type Operation = { readonly table: Table<Item>; readonly key: string; readonly row: Item | undefined };

function applied(model: Model, operations: readonly Operation[]): Model {
  const next = new Map(Array.from(model, ([table, rows]) => [table, new Map(rows)]));
  for (const { table, key, row } of operations) {
    if (row === undefined) next.get(table)?.delete(key);
    else next.get(table)?.set(key, row);
  }
  return next;
}

function expectSame(reader: Reader, model: Model): void {
  for (const [table, rows] of model) {
    const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
    expect([...reader.scan(table)]).toEqual(sorted);
    expect([...reader.scan(table, { prefix: "a/", after: "a/1" })]).toEqual(
      sorted.filter(([key]) => key.startsWith("a/") && key > "a/1"),
    );
    for (const key of KEYS) expect(reader.get(table, key)).toEqual(rows.get(key));
    for (const tag of TAGS)
      expect(reader.find(table, "tag", tag)).toEqual(sorted.filter(([, row]) => row.tags.includes(tag)));
  }
}

class Refused extends Error {}

/** Runs `planned` over `head` and returns the head that follows, checking what the body sees on the way. */
function start(store: Store, head: Model, planned: Planned): { outcome: Promise<unknown>; head: Model } {
  let after = head;
  const outcome = store.transact((tx) => {
    expectSame(tx, head);
    for (const [i, { table, key, row }] of planned.operations.entries()) {
      if (row === undefined) tx.delete(table, key);
      else tx.put(table, key, row);
      expectSame(tx, applied(head, planned.operations.slice(0, i + 1)));
    }
    if (planned.throws) throw new Refused();
    after = applied(head, planned.operations);
  });
  return { outcome: outcome.catch((error: unknown) => error), head: after };
}

type Replica = Map<string, Map<string, unknown>>;
const plain = (model: Model): Replica =>
  new Map(Array.from(model, ([table, rows]) => [table.name, new Map(rows)]));

async function open(fixture: Fixture) {
  const failing = createFailingBackend(fixture.open());
  const gate = createGatedBackend(failing);
  const store = await createStore({ backend: gate, logger: silentLogger, tables });
  const watch = store.snapshotAndWatch(tables, { notify: () => {} });
  const replica = plain(emptyModel());
  /** What a subscriber that only takes changes believes the rows to be. */
  const replicated = () => {
    for (const { table, key, row } of watch.take()) {
      if (row === undefined) replica.get(table.name)?.delete(key);
      else replica.get(table.name)?.set(key, row);
    }
    return replica;
  };
  return { failing, gate, store, replicated };
}

type Outcome = "waiting" | "done" | "refused" | "failed";

async function playRound(
  world: Awaited<ReturnType<typeof open>>,
  before: Model,
  plan: Round,
): Promise<Model> {
  const { store, gate, failing } = world;
  const started: { planned: Planned; outcome: Outcome; settled: Promise<void> }[] = [];
  let head = before;
  const startAll = (wave: readonly Planned[]) => {
    for (const planned of wave) {
      const { outcome, head: next } = start(store, head, planned);
      head = next;
      const entry = { planned, outcome: "waiting" as Outcome, settled: Promise.resolve() };
      entry.settled = outcome.then((error) => {
        if (error === undefined) entry.outcome = "done";
        else if (error instanceof WriteFailed) entry.outcome = "failed";
        else if (error instanceof Refused) entry.outcome = "refused";
        else throw new Error("a check inside a transaction failed", { cause: error });
      });
      started.push(entry);
    }
  };
  const acknowledged = () =>
    started
      .filter(({ outcome }) => outcome === "done")
      .reduce((model, { planned }) => applied(model, planned.operations), before);

  gate.shut();
  startAll(plan.flying);
  await settle();
  expectSame(store, acknowledged());
  startAll(plan.above);
  failing.mode = plan.mode;
  gate.open();
  await Promise.all(started.map(({ settled }) => settled));
  failing.mode = "succeed";

  const outcomes = started.map(({ outcome }) => outcome);
  const firstFailure = outcomes.indexOf("failed");
  if (firstFailure >= 0) {
    expect(plan.mode).not.toBe("succeed");
    expect(new Set(outcomes.slice(firstFailure))).toEqual(new Set(["failed"]));
  }
  return acknowledged();
}

export function modelSuite(createFixture: () => Promise<Fixture>, runs: number): void {
  it(
    "agrees with plain maps through concurrent groups, failures and reopenings",
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(round, { maxLength: 6 }), async (rounds) => {
          const fixture = await createFixture();
          let world = await open(fixture);
          try {
            let model = emptyModel();
            for (const plan of rounds) {
              model = await playRound(world, model, plan);
              expectSame(world.store, model);
              expect(world.replicated()).toEqual(plain(model));
              if (!plan.reopen) continue;
              await world.store.close();
              world = await open(fixture);
              model = new Map([...model, [memory, new Map<string, Item>()]]);
              expectSame(world.store, model);
              expect(world.replicated()).toEqual(plain(model));
            }
          } finally {
            world.gate.open();
            await world.store.close();
            await fixture.remove();
          }
        }),
        { numRuns: runs },
      );
    },
  );
}
