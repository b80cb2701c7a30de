// What is there: the kernel and /run/netns are asked, nothing is remembered.
import { entriesOf } from "./entries.ts";
import { rangeUser, VpcRangeRefused, type Route } from "./ranges.ts";
import type { Run } from "./run.ts";

/** Names of all named network namespaces. */
export const namespaces = (): Promise<readonly string[]> => entriesOf("/run/netns");

export const routes = async (run: Run): Promise<readonly Route[]> =>
  JSON.parse(await run("ip", ["-4", "-j", "route", "show", "table", "all"])) as Route[];

export interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
}

/** Interfaces of the root namespace. */
export const links = async (run: Run): Promise<readonly Link[]> =>
  JSON.parse(await run("ip", ["-j", "link", "show"])) as Link[];

/** Names of nft tables of family ip in the root namespace. */
export async function tables(run: Run): Promise<readonly string[]> {
  const listing = JSON.parse(await run("nft", ["-j", "list", "tables", "ip"])) as {
    readonly nftables: readonly { readonly table?: { readonly name: string } }[];
  };
  return listing.nftables.flatMap(({ table }) => (table === undefined ? [] : [table.name]));
}

/** @throws VpcRangeRefused naming who uses a part of the range, and the setting that chooses another. */
export async function refuseUsedRange(
  run: Run,
  vpc: { readonly id: string; readonly cidr: string; readonly rootInterface: string },
  all: readonly Route[],
): Promise<void> {
  const user = rangeUser(vpc.cidr, all, vpc.rootInterface);
  if (user === undefined) return;
  const start = `The range ${vpc.cidr} of ${vpc.id} is in use by`;
  const choose = "Set ESTIBA_VPC_CIDR to a range that this machine does not use.";
  const alias = (await links(run)).find(({ ifname }) => ifname === user.device)?.ifalias;
  if (alias?.startsWith("estiba:")) {
    const other = alias.slice("estiba:".length);
    throw new VpcRangeRefused(
      `${start} ${other} (${user.range}). VPCs with ranges that overlap can not run on one machine. ${choose}`,
    );
  }
  throw new VpcRangeRefused(
    `${start} ${user.what ?? `this machine's route to ${user.range}${user.device === undefined ? "" : ` on ${user.device}`}`}. ${choose}`,
  );
}
