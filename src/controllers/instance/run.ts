// Makes hosts of instances and removes them: follows the instances' rows, asks decide.ts what each needs, and drives the
// compute provider, whose calls are safe to repeat. A Spot Instance whose notice is over is terminated. After a start every running instance is launched again, which adopts its
// host, and hosts that no instance claims are removed.
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { ComputeProvider } from "#compute/port.ts";
import { type InstanceRow, instanceRunning, terminateInstance } from "#domain/ec2/instance.ts";
import { reclaimAt, reclaimSpot } from "#domain/ec2/spot.ts";
import { isChangeOf, type Store, type Watch } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { decideInstance, decideOrphans, hostSpecOf, launchFailure } from "./decide.ts";
import { beginRelease, finishRelease } from "./release.ts";

export interface InstanceControllerDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly compute: ComputeProvider;
  /** The control plane's base URL as hosts of the VPC reach it. */
  readonly endpointFor: (vpcId: string) => string;
}

/** An engine's start keeps a core busy for a second: more at once would only make all of them slow. */
const LAUNCHES_AT_ONCE = 4;
const RELEASES_AT_ONCE = 8;
/** What the proxies need to take a draining target out before its host goes. */
const LEAVE_MS = 2000;

/** Keys of the release queue that are no instances' rows. */
const REPAIR = "hosts";
const ORPHAN = "host:";

export function createInstanceController(dependencies: InstanceControllerDependencies): Controller {
  const { store, clock, random, logger, compute, endpointFor } = dependencies;
  const now = () => clock.now();
  /** Rows whose host this life of the control plane has launched or adopted, and on which way it is reached. */
  const adopted = new Map<string, string>();
  const isAdopted = (key: string, row: InstanceRow) => adopted.get(key) === wayTo(row);
  const launching = new Set<string>();
  /** Rows whose targets were told to leave, until when their hosts wait for it. */
  const leaving = new Map<string, number>();
  let watch: Watch | undefined;

  const launch = async (key: string) => {
    const row = store.get(instances, key);
    if (row === undefined || decideInstance(row, isAdopted(key, row)) !== "launch") return;
    launching.add(key);
    try {
      await bringUp(key, row);
    } finally {
      launching.delete(key);
      // A termination that came meanwhile waits for this.
      releases.add(key);
    }
  };

  const bringUp = async (key: string, row: InstanceRow) => {
    try {
      const userData = Buffer.from(row.userData ?? "", "base64").toString();
      const spec = hostSpecOf(row, userData, endpointFor(row.vpcId));
      if (spec === undefined) throw new Error(`The instance type ${row.instanceType} is not known.`);
      await compute.launch(spec);
    } catch (error) {
      // An instance that ran before keeps its state: what its host holds must not be thrown away for a failed adoption.
      if (row.state === "running") throw error;
      const reason = messageOf(error);
      logger.warn("an instance could not be launched", { instanceId: row.id, reason });
      await change(key, (r) => terminateInstance(r, launchFailure(reason), now()));
      return;
    }
    adopted.set(key, wayTo(row));
    await change(key, instanceRunning);
  };

  const change = (key: string, transition: (row: InstanceRow) => InstanceRow) =>
    store.transact((tx) => {
      const before = tx.get(instances, key);
      const after = before === undefined ? undefined : transition(before);
      if (after !== undefined && after !== before) tx.put(instances, key, after);
    });

  /** The deadline is in the row, so that it holds whatever life of the control plane comes to it. */
  const reclaim = async (key: string, at: number) => {
    if (clock.now() < at) return releases.addAt(key, at);
    await change(key, (row) => reclaimSpot(row, now()));
  };

  const release = async (key: string) => {
    const row = store.get(instances, key);
    const goesAt = row === undefined ? undefined : reclaimAt(row);
    if (goesAt !== undefined) return reclaim(key, goesAt);
    if (row === undefined || launching.has(key) || decideInstance(row, true) !== "release") return;
    if (!leaving.has(key)) {
      const inUse = await beginRelease(store, row.id, now);
      leaving.set(key, inUse ? clock.now() + LEAVE_MS : clock.now());
    }
    const until = leaving.get(key) ?? 0;
    if (clock.now() < until) return releases.addAt(key, until);
    await compute.terminate(row.id);
    await finishRelease(store, row, now);
    leaving.delete(key);
    adopted.delete(key);
    logger.info("an instance was terminated", { instanceId: row.id });
  };

  const stateOf = (instanceId: string) => store.find(instances, "id", instanceId)[0]?.[1].state;
  const repair = async () => {
    for (const id of decideOrphans(await compute.list(), stateOf)) releases.add(`${ORPHAN}${id}`);
  };
  const removeOrphan = async (id: string) => {
    if (decideOrphans([id], stateOf).length === 0) return;
    await compute.terminate(id);
    logger.info("a host that no instance claims was removed", { instanceId: id });
  };

  const parts = { clock, random, logger };
  const launches = createWorkQueue({ ...parts, concurrency: LAUNCHES_AT_ONCE, handle: launch });
  const releases = createWorkQueue({
    ...parts,
    concurrency: RELEASES_AT_ONCE,
    handle: (key) =>
      key === REPAIR
        ? repair()
        : key.startsWith(ORPHAN)
          ? removeOrphan(key.slice(ORPHAN.length))
          : release(key),
  });

  const onChange = () => {
    for (const changed of watch?.take() ?? []) {
      if (!isChangeOf(changed, instances)) continue;
      const { key, row } = changed;
      if (row === undefined) {
        adopted.delete(key);
        continue;
      }
      const step = decideInstance(row, isAdopted(key, row));
      if (step === "launch") launches.add(key);
      if (step === "release" || reclaimAt(row) !== undefined) releases.add(key);
    }
  };

  return {
    async start() {
      releases.add(REPAIR);
      watch = store.snapshotAndWatch([instances], { notify: onChange });
    },
    async close() {
      watch?.close();
      await Promise.all([launches.close(), releases.close()]);
    },
  };
}

/** Of another machine the way may change, and is then made anew. */
const wayTo = ({ joined }: InstanceRow): string =>
  joined === undefined ? "" : `${joined.machineAddress} ${joined.serverAddress} ${joined.vni}`;
