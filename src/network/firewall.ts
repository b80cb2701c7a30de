// Applies firewall-rules.ts to the machine: reads the chains of other firewalls, puts our rules in or takes them out.
import {
  foreignChains,
  legacyLines,
  legacyRemoval,
  missingRules,
  path,
  removalOfRules,
  rulesOf,
  type ForeignChain,
  type ForeignRule,
  type VpcPassage,
} from "./firewall-rules.ts";
import { inRoot, type Run } from "./run.ts";
import { shell } from "./script.ts";

/** Lets the VPC pass every firewall of the machine. Resolves with the chains that got a rule. */
export async function openPassage(run: Run, passage: VpcPassage): Promise<readonly string[]> {
  const chains = await foreign(run);
  const changes = chains.map(({ chain, rules }) => ({ chain, lines: missingRules(chain, rules, passage) }));
  const lines = changes.flatMap((change) => change.lines);
  if (lines.length > 0) await inRoot(run, shell({ nft: lines }));
  if (await hasLegacyTables(run)) await inRoot(run, shell({ before: legacyLines(passage) }));
  return changes.filter((change) => change.lines.length > 0).map(({ chain }) => path(chain));
}

/** Takes out every rule for an interface whose name begins so. */
export async function closePassages(run: Run, rootInterfacePrefix: string): Promise<void> {
  const chains = await foreign(run);
  const lines = chains.flatMap(({ chain, rules }) => removalOfRules(chain, rules, rootInterfacePrefix));
  if (lines.length > 0) await inRoot(run, shell({ nft: lines }));
  if (!(await hasLegacyTables(run))) return;
  const removal = legacyRemoval(await inRoot(run, "iptables-legacy -w -S"), rootInterfacePrefix);
  if (removal.length > 0) await inRoot(run, shell({ before: removal }));
}

async function foreign(
  run: Run,
): Promise<readonly { readonly chain: ForeignChain; readonly rules: readonly ForeignRule[] }[]> {
  const chains = foreignChains(await run("nft", ["-j", "list", "chains"]));
  return Promise.all(
    chains.map(async (chain) => ({
      chain,
      rules: rulesOf(await run("nft", ["-j", "-a", "list", "chain", chain.family, chain.table, chain.name])),
    })),
  );
}

/** The kernel tells which tables the older iptables has loaded; its program may be missing where nobody ever used it. */
const hasLegacyTables = async (run: Run): Promise<boolean> =>
  (
    await inRoot(
      run,
      "if grep -qx filter /proc/net/ip_tables_names 2>/dev/null && command -v iptables-legacy >/dev/null; then echo yes; fi",
    )
  ).trim() === "yes";
