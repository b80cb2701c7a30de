// One VPC's proxy: brings it to what the rows say, one step at a time, and says when it is there.
import { type BackoffPolicy, backoffDelay } from "#lib/backoff.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { inEnabledZone } from "#domain/elbv2/target-health.ts";
import { ProxyRefused } from "#domain/ports/proxy-ready.ts";
import { type LoadBalancerDriver, type ProxyEvent, StructureRefused } from "#loadbalancer/port.ts";
import type { Store } from "#store/store.ts";
import { addresses } from "#store/tables/ec2.ts";
import { decideStructure, decideTargets, targetsFingerprint } from "./decide.ts";
import {
  activate,
  applyEvent,
  findGroup,
  forgetHealth,
  inFrontOf,
  leftoverAddresses,
  readVpc,
  targetsOf,
} from "./rows.ts";

export interface LoadBalancerNetwork {
  /** Makes the address exist in the VPC, where the proxy binds it. Safe twice. */
  ensureAddress(vpcId: string, address: string): Promise<void>;
  removeAddress(vpcId: string, address: string): Promise<void>;
  /** Publishes a name; undefined withdraws it. */
  setName(vpcId: string, name: string, address: string | undefined): Promise<void>;
}

export interface VpcProxyDependencies extends LoadBalancerNetwork {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeId: string;
  readonly driverFor: (vpcId: string) => Promise<LoadBalancerDriver>;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: ProxyRefused) => void;
  readonly timer: Timer;
}

const retry: BackoffPolicy = { initialMs: 500, maximumMs: 30_000, factor: 2, jitter: 0.2 };

export class VpcProxy {
  readonly #vpcId: string;
  readonly #deps: VpcProxyDependencies;
  #driver: LoadBalancerDriver | undefined;
  #structureDirty = true;
  readonly #dirtyGroups = new Set<string>();
  #applied: string | undefined;
  /** Group id → fingerprint of the targets that the proxy was told. Its keys are the groups that the proxy has. */
  readonly #targets = new Map<string, string | undefined>();
  /** Addresses known to exist. */
  readonly #ensured = new Set<string>();
  /** Load balancer ARN → the name that is published for it. */
  readonly #names = new Map<string, string>();
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #attempt = 0;
  #retry: Timer | undefined;
  #closed = false;

  constructor(vpcId: string, deps: VpcProxyDependencies) {
    this.#vpcId = vpcId;
    this.#deps = deps;
  }

  /** Something about load balancers, listeners or groups changed. */
  markStructure(): void {
    this.#structureDirty = true;
    // A load balancer's zones decide which targets count.
    for (const id of this.#targets.keys()) this.#dirtyGroups.add(id);
    this.#wake();
  }

  markTargets(groupId: string): void {
    this.#dirtyGroups.add(groupId);
    this.#wake();
  }

  /** Resolves when the proxy has what is marked, at the latest after `withinMs`. Rejects with ProxyRefused. */
  settled(withinMs: number): Promise<void> {
    if (this.#closed || (this.#running === undefined && !this.#pending)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        timer: this.#deps.clock.after(withinMs, () => {
          this.#waiters = this.#waiters.filter((w) => w !== waiter);
          resolve();
        }),
      };
      this.#waiters.push(waiter);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#running;
    this.#answer();
    await this.#driver?.close();
  }

  get #pending(): boolean {
    return this.#structureDirty || this.#dirtyGroups.size > 0;
  }

  #wake(): void {
    if (this.#closed || this.#running !== undefined || this.#retry !== undefined) return;
    // A turn later, so that all marks of one commit make one step.
    this.#running = Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
        if (this.#pending) this.#wake();
        else this.#answer();
      });
  }

  async #run(): Promise<void> {
    const { clock, logger, random } = this.#deps;
    while (this.#pending && !this.#closed) {
      try {
        await this.#step();
        this.#attempt = 0;
      } catch (error) {
        if (error instanceof StructureRefused) {
          logger.error("the load balancer refused its configuration", {
            vpcId: this.#vpcId,
            reason: error.message,
          });
          this.#answer(new ProxyRefused(error.message));
          continue;
        }
        logger.warn("the load balancer could not be brought up to date", {
          vpcId: this.#vpcId,
          reason: messageOf(error),
        });
        this.#structureDirty = true;
        this.#retry = clock.after(backoffDelay(retry, this.#attempt++, random), () => {
          this.#retry = undefined;
          this.#wake();
        });
        return;
      }
    }
    if (!this.#pending) this.#answer();
  }

  #answer(refusal?: ProxyRefused): void {
    for (const { resolve, reject, timer } of this.#waiters.splice(0)) {
      timer.cancel();
      if (refusal === undefined) resolve();
      else reject(refusal);
    }
  }

  async #step(): Promise<void> {
    if (this.#driver === undefined) {
      const driver = await this.#deps.driverFor(this.#vpcId);
      await driver.start((event) => this.#hear(event));
      this.#driver = driver;
    }
    if (this.#structureDirty) await this.#applyStructure(this.#driver);
    for (const groupId of [...this.#dirtyGroups]) {
      await this.#applyTargets(this.#driver, groupId);
    }
  }

  async #applyStructure(driver: LoadBalancerDriver): Promise<void> {
    const { store, nodeId } = this.#deps;
    this.#structureDirty = false;
    const rows = readVpc(store, this.#vpcId);
    const structure = decideStructure(rows);
    const text = JSON.stringify(structure);
    if (text !== this.#applied) {
      for (const { address } of rows.loadBalancers) {
        if (this.#ensured.has(address)) continue;
        await this.#deps.ensureAddress(this.#vpcId, address);
        this.#ensured.add(address);
      }
      await driver.applyStructure(structure);
      this.#applied = text;
      const present = new Set(structure.targetGroups.map((g) => g.id));
      const gone = [...this.#targets.keys()].filter((id) => !present.has(id));
      for (const id of gone) this.#targets.delete(id);
      for (const id of present) {
        if (!this.#targets.has(id)) this.#targets.set(id, undefined);
        this.#dirtyGroups.add(id);
      }
      // Targets of a group that left begin anew should it come back.
      for (const id of gone) await driver.applyTargets(id, []);
      const unused = rows.targetGroups.filter((g) => !present.has(g.id));
      await forgetHealth(store, (reader) => unused.flatMap((g) => targetsOf(reader, g)), nodeId);
    }
    await activate(store, rows.loadBalancers);
    await this.#publishNames(rows.loadBalancers);
    await this.#releaseAddresses();
  }

  async #publishNames(present: readonly { arn: string; dnsName: string; address: string }[]): Promise<void> {
    for (const { arn, dnsName, address } of present) {
      if (this.#names.has(arn)) continue;
      await this.#deps.setName(this.#vpcId, dnsName, address);
      this.#names.set(arn, dnsName);
    }
    for (const [arn, name] of this.#names) {
      if (present.some((lb) => lb.arn === arn)) continue;
      await this.#deps.setName(this.#vpcId, name, undefined);
      this.#names.delete(arn);
    }
  }

  async #releaseAddresses(): Promise<void> {
    for (const [key, address] of leftoverAddresses(this.#deps.store, this.#vpcId)) {
      this.#ensured.delete(address);
      await this.#deps.removeAddress(this.#vpcId, address);
      await this.#deps.store.transact((tx) => tx.delete(addresses, key));
    }
  }

  async #applyTargets(driver: LoadBalancerDriver, groupId: string): Promise<void> {
    const { store, clock, nodeId } = this.#deps;
    const group = findGroup(store, groupId);
    if (group !== undefined && this.#targets.has(groupId)) {
      const inFront = inFrontOf(store, group);
      const wanted = decideTargets(targetsOf(store, group), inFront, nodeId, clock.now());
      const text = targetsFingerprint(wanted);
      if (text !== this.#targets.get(groupId)) {
        this.#dirtyGroups.delete(groupId);
        try {
          await driver.applyTargets(groupId, wanted);
        } catch (error) {
          this.#dirtyGroups.add(groupId);
          throw error;
        }
        if (this.#targets.has(groupId)) this.#targets.set(groupId, text);
        // Those in a zone that is not enabled any more are checked no longer.
        await forgetHealth(
          store,
          (reader) => {
            const zones = inFrontOf(reader, group);
            return targetsOf(reader, group).filter((t) => !zones.some((lb) => inEnabledZone(t, lb)));
          },
          nodeId,
        );
        return;
      }
    }
    this.#dirtyGroups.delete(groupId);
  }

  #hear(event: ProxyEvent): void {
    if (this.#closed) return;
    const { store, clock, nodeId, logger } = this.#deps;
    store
      .transact((tx) => applyEvent(tx, event, nodeId, [nodeId], clock.now()))
      .catch((error: unknown) =>
        logger.error("a target's health could not be stored", { reason: messageOf(error) }),
      );
  }
}
