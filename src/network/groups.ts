// Keeps each VPC's table of security groups: closed when it is made, replaced whole and only on difference, and without those
// who left. What was applied is known only to who applied it: the first call of each life applies, whatever is there.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { groupLines, groupsTable, NO_GROUPS, type GroupMember, type SecurityGroups } from "./group-rules.ts";
import { inNamespace, type Run } from "./run.ts";
import type { KeyedSerial } from "./serial.ts";
import type { VpcPlan } from "./vpc-script.ts";

type Place = Pick<VpcPlan, "vpcId" | "namespace" | "addresses">;

export interface Groups {
  /** Nobody reaches anybody in a new VPC; a table that is there stays, or is brought back to what it last was. */
  ensure(vpc: Place): Promise<void>;
  set(vpc: Place, wanted: SecurityGroups): Promise<void>;
  /** Takes members out at once: their addresses may be given to others. */
  leave(vpc: Place, who: (member: GroupMember) => boolean): Promise<void>;
  /** The VPC is gone. */
  forget(vpcId: string): void;
}

/** @param directory holds the rules for the moment in which `nft` reads them: too many for a command line */
export function createGroups(run: Run, directory: string, serial: KeyedSerial): Groups {
  const applied = new Map<string, { readonly wanted: SecurityGroups; readonly text: string }>();
  const inTurn = <T>(vpcId: string, work: () => Promise<T>) => serial(`groups ${vpcId}`, work);

  const apply = async ({ vpcId, namespace, addresses }: Place, wanted: SecurityGroups) => {
    const text = groupLines(addresses, wanted).join("\n");
    if (applied.get(vpcId)?.text === text) return;
    const folder = join(directory, vpcId);
    const file = join(folder, "groups.nft");
    await mkdir(folder, { recursive: true, mode: 0o755 });
    try {
      await writeFile(file, `${text}\n`, { mode: 0o600 });
      await run("nsenter", [`--net=/run/netns/${namespace}`, "nft", "-f", file]);
    } finally {
      await rm(file, { force: true });
    }
    applied.set(vpcId, { wanted, text });
  };

  return {
    ensure: (vpc) =>
      inTurn(vpc.vpcId, async () => {
        const there = await inNamespace(
          run,
          vpc.namespace,
          `! nft list table ${groupsTable} >/dev/null 2>&1 || echo there`,
        );
        if (there.trim() === "there") return;
        const before = applied.get(vpc.vpcId)?.wanted ?? NO_GROUPS;
        applied.delete(vpc.vpcId);
        await apply(vpc, before);
      }),

    set: (vpc, wanted) => inTurn(vpc.vpcId, () => apply(vpc, wanted)),

    leave: (vpc, who) =>
      inTurn(vpc.vpcId, async () => {
        const before = applied.get(vpc.vpcId)?.wanted;
        if (before === undefined || !before.members.some(who)) return;
        await apply(vpc, { ...before, members: before.members.filter((member) => !who(member)) });
      }),

    forget: (vpcId) => void applied.delete(vpcId),
  };
}
