// A LoadBalancerDriver in memory, for simulation and controllers' tests: records calls; a function or the test decides health.
import type { LoadBalancerDriver, ProxyEvent, ProxyStructure, ProxyTarget, UnhealthyReason } from "./port.ts";
import { StructureRefused } from "./port.ts";

export interface RecordedHealth {
  readonly state: "healthy" | "unhealthy" | "initial";
  readonly reason?: UnhealthyReason;
  readonly description?: string;
}

export interface RecordingDriverOptions {
  /** Asked whenever a target appears; `initial` keeps it waiting for `setHealth`. Healthy unless given. */
  readonly health?: (targetGroupId: string, target: ProxyTarget) => RecordedHealth;
  /** Whether a draining target has nothing in flight at once; true unless given. */
  readonly idleAtOnce?: boolean;
}

export interface RecordingDriver extends LoadBalancerDriver {
  readonly calls: readonly string[];
  readonly structure: ProxyStructure;
  targets(targetGroupId: string): readonly ProxyTarget[];
  setHealth(targetGroupId: string, key: string, health: RecordedHealth): void;
  /** A draining target's last request has ended. */
  setIdle(targetGroupId: string, key: string): void;
  /** The next structure is refused with this text. */
  refuseNext(message: string): void;
}

export function createRecordingDriver(options: RecordingDriverOptions = {}): RecordingDriver {
  const calls: string[] = [];
  const groups = new Map<string, readonly ProxyTarget[]>();
  /** `group/key` → what was last told. */
  const told = new Map<string, string>();
  let structure: ProxyStructure = { loadBalancers: [], targetGroups: [] };
  let refusal: string | undefined;
  let listener: (event: ProxyEvent) => void = () => undefined;

  const tell = (event: ProxyEvent) => {
    const name = `${event.targetGroupId}/${event.key}`;
    const text = JSON.stringify(event);
    if (told.get(name) === text) return;
    told.set(name, text);
    listener(event);
  };
  const find = (targetGroupId: string, key: string) => groups.get(targetGroupId)?.find((t) => t.key === key);
  const report = (targetGroupId: string, key: string, health: RecordedHealth) => {
    if (find(targetGroupId, key)?.state !== "in-service" || health.state === "initial") return;
    if (health.state === "healthy") return tell({ type: "healthy", targetGroupId, key });
    tell({
      type: "unhealthy",
      targetGroupId,
      key,
      reason: health.reason ?? "Target.FailedHealthChecks",
      description: health.description ?? "Health checks failed",
    });
  };
  const setIdle = (targetGroupId: string, key: string) => {
    if (find(targetGroupId, key)?.state === "draining") tell({ type: "idle", targetGroupId, key });
  };
  const known = (targetGroupId: string) => structure.targetGroups.some((group) => group.id === targetGroupId);
  const judge = (targetGroupId: string, target: ProxyTarget) => {
    if (target.state === "draining") {
      if (options.idleAtOnce ?? true) setIdle(targetGroupId, target.key);
    } else if (!told.has(`${targetGroupId}/${target.key}`))
      report(targetGroupId, target.key, options.health?.(targetGroupId, target) ?? { state: "healthy" });
  };

  return {
    calls,
    get structure() {
      return structure;
    },
    targets: (targetGroupId) => groups.get(targetGroupId) ?? [],
    setHealth: report,
    setIdle,
    refuseNext: (message) => void (refusal = message),
    async start(heard) {
      calls.push("start");
      listener = heard;
      told.clear();
      for (const [id, targets] of groups) for (const target of targets) judge(id, target);
    },
    async applyStructure(next) {
      calls.push("applyStructure");
      const unknown = next.loadBalancers
        .flatMap((lb) => lb.listeners)
        .flatMap((l) => (l.defaultAction.type === "forward" ? l.defaultAction.targetGroups : []))
        .find((g) => !next.targetGroups.some((group) => group.id === g.targetGroupId));
      const message = refusal ?? (unknown && `unknown target group ${unknown.targetGroupId}`);
      refusal = undefined;
      if (message !== undefined) throw new StructureRefused(message);
      structure = next;
      for (const [id, targets] of groups) if (known(id)) for (const target of targets) judge(id, target);
    },
    async applyTargets(targetGroupId, targets) {
      calls.push(`applyTargets ${targetGroupId}`);
      for (const before of groups.get(targetGroupId) ?? [])
        if (!targets.some((t) => t.key === before.key)) told.delete(`${targetGroupId}/${before.key}`);
      groups.set(targetGroupId, targets);
      if (known(targetGroupId)) for (const target of targets) judge(targetGroupId, target);
    },
    async close() {
      calls.push("close");
      listener = () => undefined;
    },
  };
}
