// A simulated cluster: the controllers over a memory store, a test clock and a fake fleet; it can die and be started again over
// the same rows.
import { seededRandom } from "#lib/random.ts";
import { settle } from "#lib/test-clock.ts";
import type { Controller } from "#controllers/controller.ts";
import type { ComputeProvider } from "#compute/port.ts";
import { createNetworkInterfaceController } from "#controllers/network-interface/run.ts";
import { createPlacement } from "#controllers/placement/placement.ts";
import { createRetentionController } from "#controllers/retention/run.ts";
import { createSilentHostController } from "#controllers/silent-hosts/run.ts";
import type { ServiceSettings } from "#controllers/service/decide.ts";
import { createServiceController } from "#controllers/service/run.ts";
import { createTaskController } from "#controllers/task/run.ts";
import { createWorld, quiet, type World } from "#controllers/world.suite.ts";
import type { Backend } from "#store/backend.ts";
import { createFakeFleet, type FakeFleetParts } from "#tests/support/fake-fleet.ts";

export const NODE = "node-1";

export interface Cluster extends World {
  readonly fleet: ReturnType<typeof createFakeFleet>;
  /** Moves time on; what falls due and all that follows from it has happened. */
  advance(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly seed?: number;
  readonly settings?: Partial<ServiceSettings>;
  readonly fleet?: Partial<FakeFleetParts>;
  /** After which silence of a host its services' tasks are replaced; never unless given. */
  readonly replaceAfterMs?: number;
  /** What gives hosts their interfaces; one that always does unless given. */
  readonly interfaces?: Pick<ComputeProvider, "attachInterface" | "detachInterface">;
}

const willing = { attachInterface: () => Promise.resolve(), detachInterface: () => Promise.resolve() };

export async function startControllers(world: World, options: ClusterOptions = {}): Promise<Cluster> {
  const { base, clock, store } = world;
  const nodes = () => [NODE];
  const placement = createPlacement(base);
  const controllers: Controller[] = [
    placement,
    createNetworkInterfaceController({ ...base, compute: options.interfaces ?? willing }),
    createTaskController({ ...base, nodes }),
    createServiceController({ ...base, placement, nodes, settings: options.settings ?? {} }),
    createRetentionController(base),
    ...(options.replaceAfterMs === undefined
      ? []
      : [createSilentHostController({ ...base, replaceAfterMs: options.replaceAfterMs })]),
  ];
  const fleet = createFakeFleet({
    store,
    clock,
    random: seededRandom((options.seed ?? 1) + 1000),
    node: NODE,
    ...options.fleet,
  });
  fleet.start();
  for (const controller of controllers) await controller.start();
  await quiet();
  return {
    ...world,
    fleet,
    async advance(milliseconds) {
      const end = clock.now() + milliseconds;
      await quiet(5);
      while (clock.nextDue !== undefined && clock.nextDue <= end) {
        await clock.advance(Math.max(0, clock.nextDue - clock.now()));
        await quiet(5);
      }
      await clock.advance(end - clock.now());
      await settle();
    },
    async close() {
      fleet.close();
      for (const controller of controllers.reverse()) await controller.close();
    },
  };
}

export async function startCluster(options: ClusterOptions & { readonly backend?: Backend } = {}) {
  const world = await createWorld(options.seed ?? 1, options.backend);
  return { world, start: () => startControllers(world, options) };
}
