// The instance controller over a memory store and a fake compute provider, for tests; its life can end and begin again.
import { ec2Key, type InstanceRow, terminateInstance } from "#domain/ec2/instance.ts";
import { createFailingBackend, type FailingBackend } from "#store/failing-backend.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { addresses, instances } from "#store/tables/ec2.ts";
import type { Controller } from "../controller.ts";
import { createWorld, host, quiet, REGION, type World } from "../world.suite.ts";
import { createFakeCompute, type FakeCompute } from "./fake-compute.suite.ts";
import { createInstanceController } from "./run.ts";

export interface InstanceFixture {
  readonly backend: FailingBackend;
  /** Another one after `nextLife`. */
  readonly world: World;
  readonly compute: FakeCompute;
  /** Starts the controller, and follows it to rest. */
  start(): Promise<Controller>;
  /** Closes what `start` and `alongside` began, and opens a store over the rows that were written; hosts stay. */
  nextLife(): Promise<void>;
  /** Another controller that is closed with this one. */
  alongside(controller: Controller): Promise<void>;
  /** Puts an instance `i-<id>` in state pending, with its address. */
  put(id: string, more?: Partial<InstanceRow>): Promise<void>;
  change(instanceId: string, to: (row: InstanceRow) => InstanceRow): Promise<void>;
  /** TerminateInstances. */
  terminate(instanceId: string): Promise<void>;
  row(instanceId: string): InstanceRow | undefined;
  state(instanceId: string): string | undefined;
  close(): Promise<void>;
}

const key = (instanceId: string) => ec2Key(REGION, instanceId);
const byUser = { code: "Client.UserInitiatedShutdown", message: "Client.UserInitiatedShutdown: m" };

export async function createInstanceFixture(): Promise<InstanceFixture> {
  const backend = createFailingBackend(createMemoryBackend());
  const controllers: Controller[] = [];
  let world = await createWorld(1, backend);
  let compute = createFakeCompute();
  const endAll = async () => {
    compute.letGo();
    for (const controller of controllers.splice(0)) await controller.close();
  };
  const alongside = async (controller: Controller) => {
    controllers.push(controller);
    await controller.start();
    await quiet();
  };
  const change: InstanceFixture["change"] = async (id, to) => {
    await world.store.transact((tx) =>
      tx.put(instances, key(id), to(tx.get(instances, key(id)) as InstanceRow)),
    );
    await quiet();
  };
  const row = (id: string) => world.store.get(instances, key(id));
  return {
    backend,
    get world() {
      return world;
    },
    get compute() {
      return compute;
    },
    async start() {
      const endpointFor = (vpcId: string) => `http://${vpcId}.test:4566`;
      const controller = createInstanceController({ ...world.base, compute, endpointFor });
      await alongside(controller);
      return controller;
    },
    async nextLife() {
      await endAll();
      backend.failAfter = undefined;
      backend.mode = "succeed";
      world = await createWorld(2, backend, world.clock);
      compute = createFakeCompute([...compute.hosts]);
    },
    alongside,
    async put(id, more = {}) {
      const made: InstanceRow = { ...host(id, 4), state: "pending", ...more };
      const { subnetId, privateIp: address } = made;
      await world.store.transact((tx) => {
        tx.put(instances, key(made.id), made);
        // Several instances of a test may have the one address.
        tx.put(addresses, `${subnetId}/${address}/${id}`, { subnetId, address, owner: made.id });
      });
      await quiet();
    },
    change,
    terminate: (id) => change(id, (before) => terminateInstance(before, byUser, world.clock.now())),
    row,
    state: (id) => row(id)?.state,
    close: endAll,
  };
}
