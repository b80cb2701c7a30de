// Whatever happens in whatever order: a task's life against a little engine that answers, fails, loses answers and lets the agent
// die. Statuses never go back, nothing is started twice, and every task can be ended.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WireContainer } from "#acs/messages.ts";
import type { ContainerState } from "../engine/port.ts";
import type { TaskEffect, TaskEvent } from "./events.ts";
import { freshTask, SETTINGS, wireContainer, wireTask } from "./fixture.suite.ts";
import { rank, settled, type TaskState } from "./state.ts";
import { step } from "./step.ts";

/** `lost`: the engine did it, and the answer was lost. `givenUp`: the same, and nobody waits any longer. */
type How = "well" | "temporarily" | "fatally" | "lost" | "givenUp";

type Action =
  | {
      readonly do: "answer";
      readonly which: number;
      readonly how: How;
    }
  | { readonly do: "exit"; readonly which: number; readonly code: number }
  | { readonly do: "health"; readonly which: number; readonly health: "healthy" | "unhealthy" }
  | { readonly do: "vanish"; readonly which: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "stop" }
  | { readonly do: "agentDies" };

const NAMES = ["a", "b", "c", "d"];

const arbitraryContainers: fc.Arbitrary<readonly WireContainer[]> = fc
  .array(
    fc.record({
      essential: fc.boolean(),
      // Of an earlier container only: no cycles.
      on: fc.option(fc.nat(3), { nil: undefined }),
      condition: fc.constantFrom("START", "COMPLETE", "SUCCESS", "HEALTHY"),
      volumes: fc.boolean(),
      startTimeout: fc.constantFrom(0, 5),
      restarts: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    list.map((c, i) => {
      const other = c.on === undefined || i === 0 ? undefined : NAMES[c.on % i];
      return wireContainer(NAMES[i] ?? "", {
        essential: c.essential || i === list.length - 1,
        startTimeout: c.startTimeout,
        ...(other === undefined
          ? {}
          : c.volumes
            ? { volumesFrom: [{ sourceContainer: other, readOnly: false }] }
            : { dependsOn: [{ containerName: other, condition: c.condition }] }),
        ...(c.restarts
          ? { restartPolicy: { enabled: true, ignoredExitCodes: [0], restartAttemptPeriod: 1 } }
          : {}),
      });
    }),
  );

const arbitraryAction: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      which: fc.nat(7),
      how: fc.constantFrom("well", "well", "well", "well", "temporarily", "fatally", "lost", "givenUp"),
    }),
  },
  fc.record({ do: fc.constant("exit" as const), which: fc.nat(3), code: fc.constantFrom(0, 1, 137) }),
  fc.record({
    do: fc.constant("health" as const),
    which: fc.nat(3),
    health: fc.constantFrom("healthy", "unhealthy"),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 900, 6_000, 40_000) }),
  { weight: 1, arbitrary: fc.record({ do: fc.constant("agentDies" as const) }) },
);
const rare: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant("stop" as const) }),
  fc.record({ do: fc.constant("vanish" as const), which: fc.nat(3) }),
);
const arbitraryActions = fc.array(
  fc.oneof({ weight: 25, arbitrary: arbitraryAction }, { weight: 1, arbitrary: rare }),
  { maxLength: 60 },
);

/** An engine and the agent's runner in a few lines. */
class Little {
  state: TaskState;
  now = 1_000_000;
  pending: TaskEffect[] = [];
  readonly engine = new Map<string, ContainerState>();
  readonly starts = new Map<string, number>();
  releases = 0;

  constructor(containers: readonly WireContainer[]) {
    this.state = freshTask(wireTask(containers));
    this.dispatch({ type: "admitted", hostPorts: {} });
  }

  dispatch(event: TaskEvent): void {
    const before = this.state;
    const next = step(before, event, this.now, SETTINGS);
    this.state = next.state;
    this.check(before, next.effects);
    for (const effect of next.effects) {
      if (effect.type === "release") this.releases++;
      else if (effect.type !== "cleanup") this.pending.push(effect);
    }
    if (next.wakeAt !== undefined) expect(next.wakeAt).toBeGreaterThan(this.now);
  }

  check(before: TaskState, effects: readonly TaskEffect[]): void {
    if (before.desired === "STOPPED") expect(this.state.desired).toBe("STOPPED");
    for (const [i, container] of this.state.containers.entries()) {
      expect(rank(container.status)).toBeGreaterThanOrEqual(rank(before.containers[i]?.status ?? "NONE"));
    }
    for (const effect of effects) {
      if (!("container" in effect)) continue;
      const twin = this.pending.find(
        (p) => "container" in p && p.container === effect.container && p.type !== "pull",
      );
      expect(twin).toBeUndefined();
      if (effect.type !== "stop") expect(before.desired).toBe("RUNNING");
    }
  }

  seen(name: string): ContainerState | undefined {
    return this.engine.get(name);
  }

  /** Carries the effect out in the engine, as Docker would. */
  carryOut(effect: TaskEffect): TaskEvent | undefined {
    if (effect.type === "prepare") return { type: "prepared" };
    if (!("container" in effect)) return undefined;
    const { container } = effect;
    switch (effect.type) {
      case "pull":
        return { type: "pulled", container };
      case "create":
        if (!this.engine.has(container)) this.engine.set(container, blank(container));
        return { type: "created", container, id: `id-${container}` };
      case "start": {
        const present = this.engine.get(container);
        // What the runner does before a repeated attempt.
        const hasStarted = present?.startedAt !== undefined && present.startedAt !== effect.after;
        if (present !== undefined && !hasStarted && present.status !== "running") {
          this.starts.set(container, (this.starts.get(container) ?? 0) + 1);
          const { exitCode: _, finishedAt: __, ...rest } = present;
          this.engine.set(container, {
            ...rest,
            status: "running",
            startedAt: ++this.now,
            health: "starting",
          });
        }
        return { type: "started", container, seen: this.seen(container) };
      }
      case "stop":
        this.exit(container, 143);
        return { type: "stopped", container, seen: this.seen(container) };
    }
  }

  exit(name: string, exitCode: number): void {
    const present = this.engine.get(name);
    if (present?.status !== "running") return;
    this.engine.set(name, { ...present, status: "exited", exitCode, finishedAt: ++this.now });
  }

  look(name: string): void {
    const container = this.state.containers.find((c) => c.name === name);
    if (container?.runtimeId !== undefined)
      this.dispatch({ type: "seen", container: name, seen: this.seen(name) });
  }

  perform(action: Action): void {
    const name = "which" in action ? (this.state.containers[action.which]?.name ?? "a") : "a";
    switch (action.do) {
      case "answer": {
        const index = action.which % Math.max(1, this.pending.length);
        const [effect] = this.pending.splice(index, 1);
        if (effect === undefined) return;
        return this.answer(effect, action.how);
      }
      case "exit":
        this.exit(name, action.code);
        return this.look(name);
      case "health": {
        const present = this.engine.get(name);
        if (present?.status === "running") this.engine.set(name, { ...present, health: action.health });
        return this.look(name);
      }
      case "vanish":
        this.engine.delete(name);
        return this.look(name);
      case "wait":
        this.now += action.ms;
        return this.dispatch({ type: "woke" });
      case "stop":
        return this.dispatch({ type: "stopOrdered" });
      case "agentDies": {
        // Each request that was under way either reached the engine or did not.
        for (const [i, effect] of this.pending.entries()) if (i % 2 === 0) this.carryOut(effect);
        this.pending = [];
        this.state = settled(this.state);
        const seen = Object.fromEntries(this.state.containers.map((c) => [c.name, this.seen(c.name)]));
        return this.dispatch({ type: "restored", seen });
      }
    }
  }

  answer(effect: TaskEffect, how: How): void {
    if (!("container" in effect) || how === "well") {
      const event = this.carryOut(effect);
      if (event !== undefined) this.dispatch(event);
      return;
    }
    const { container, type: action } = effect;
    if (how === "lost" || how === "givenUp") this.carryOut(effect);
    const temporary = how === "temporarily" || how === "lost";
    this.dispatch({ type: "failed", container, action, temporary, reason: "R: it failed" });
  }

  /** Everything is answered well from now on, until nothing is left to do. */
  settle(): void {
    for (let round = 0; round < 200; round++) {
      const effect = this.pending.shift();
      if (effect !== undefined) this.answer(effect, "well");
      else {
        const next = step(this.state, { type: "woke" }, this.now, SETTINGS);
        if (this.state.stoppedAt !== undefined || next.wakeAt === undefined) return;
        this.now = next.wakeAt;
        this.dispatch({ type: "woke" });
      }
    }
  }
}

const blank = (name: string): ContainerState => ({
  id: `id-${name}`,
  name: `ecs-${name}`,
  labels: {},
  status: "created",
  oomKilled: false,
  error: "",
  ports: [],
  imageId: "sha256:0",
});

describe("a task's life, whatever happens", () => {
  it("never goes back, asks for nothing twice, starts nothing twice, and can be ended", () => {
    fc.assert(
      fc.property(arbitraryContainers, arbitraryActions, (containers, actions) => {
        const life = new Little(containers);
        for (const action of actions) life.perform(action);
        for (const container of life.state.containers)
          expect(life.starts.get(container.name) ?? 0).toBeLessThanOrEqual(1 + container.restartCount);
        life.dispatch({ type: "stopOrdered" });
        life.settle();
        expect(life.state.containers.every((c) => c.status === "STOPPED")).toBe(true);
        expect(life.releases).toBe(1);
        for (const { name, reason } of life.state.containers) {
          // What the agent gave up on may be left to the sweep; nothing else runs.
          if (reason === undefined) expect(life.seen(name)?.status ?? "exited").not.toBe("running");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("comes up when everything goes well and no dependency forbids it", () => {
    fc.assert(
      fc.property(arbitraryContainers, (containers) => {
        const free = containers.map(({ dependsOn, ...c }) => ({
          ...c,
          ...(dependsOn === undefined
            ? {}
            : { dependsOn: dependsOn.map((d) => ({ ...d, condition: "START" })) }),
        }));
        const life = new Little(free);
        life.settle();
        expect(life.state.containers.every((c) => c.status === "RUNNING")).toBe(true);
      }),
    );
  });
});
