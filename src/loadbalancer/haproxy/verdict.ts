// What a server's statistics say about its target's health, in ELB's reasons and words.
import type { UnhealthyReason } from "../port.ts";
import type { ServerStat } from "./runtime.ts";
import { isMaint, isUp } from "./worker-plan.ts";

export type Verdict =
  | { readonly health: "healthy" }
  | { readonly health: "unhealthy"; readonly reason: UnhealthyReason; readonly description: string };

/** Of a server in `probe_`: HAProxy calls it UP from the start, so only a passed check counts. Undefined: not known yet. */
export function probeVerdict(stat: ServerStat): Verdict | undefined {
  if (isMaint(stat)) return undefined;
  if (isUp(stat)) return /^L\dOK/.test(stat.checkStatus) ? { health: "healthy" } : undefined;
  return stat.status.startsWith("DOWN") ? unhealthy(stat) : undefined;
}

/** Of a server that has been healthy: HAProxy applies the thresholds. */
export function servingVerdict(stat: ServerStat): Verdict | undefined {
  if (isMaint(stat)) return undefined;
  if (isUp(stat)) return { health: "healthy" };
  return stat.status.startsWith("DOWN") ? unhealthy(stat) : undefined;
}

function unhealthy(stat: ServerStat): Verdict {
  if (/TOUT$/.test(stat.checkStatus))
    return { health: "unhealthy", reason: "Target.Timeout", description: "Request timed out" };
  if (stat.checkStatus === "L7STS" || stat.checkStatus === "L7OKC")
    return {
      health: "unhealthy",
      reason: "Target.ResponseCodeMismatch",
      description: `Health checks failed with these codes: [${stat.checkCode}]`,
    };
  return { health: "unhealthy", reason: "Target.FailedHealthChecks", description: "Health checks failed" };
}
