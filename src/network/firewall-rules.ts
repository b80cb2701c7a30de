// Which rules the machine's other firewalls need so that a VPC's hosts reach the control plane and the outside. In nftables an
// accept in our own table does not overrule a drop in another's, so each filtering chain of others gets ours at its head. Our
// rules are known by the interface they name: comments are lost when iptables saves and restores its tables. Pure.

export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: "input" | "forward";
  readonly policy: "accept" | "drop";
}

export interface ForeignRule {
  readonly handle: number;
  /** What it matches, as text that two equal rules share: `iifname=eth0 tcp.dport=80`. */
  readonly matches: string;
  /** The interface it names, if any. */
  readonly device?: string;
}

/** What must pass: from the VPC's hosts to these ports of the control plane's address, and to the outside. */
export interface VpcPassage {
  readonly rootInterface: string;
  readonly endpoint: string;
  readonly ports: readonly Port[];
}

export interface Port {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** Of `nft -j list chains`: the base chains of others that decide over packets to and through this machine. */
export function foreignChains(listing: string): readonly ForeignChain[] {
  return entries(listing).flatMap(({ chain }) => {
    if (chain === undefined || chain["type"] !== "filter") return [];
    const { family, table, name, hook, policy } = chain;
    if ((family !== "ip" && family !== "inet") || (hook !== "input" && hook !== "forward")) return [];
    if (!isPlain(table) || !isPlain(name) || table.startsWith("estiba-")) return [];
    return [{ family, table, name, hook, policy: policy === "drop" ? "drop" : "accept" } as const];
  });
}

/** Of `nft -j -a list chain`. */
export function rulesOf(listing: string): readonly ForeignRule[] {
  return entries(listing).flatMap(({ rule }) => {
    if (rule === undefined || typeof rule["handle"] !== "number") return [];
    const matches = ((rule["expr"] ?? []) as readonly Expression[]).flatMap(({ match }) => match ?? []);
    const device = matches.find(
      ({ left }) => left.meta?.key === "iifname" || left.meta?.key === "oifname",
    )?.right;
    return [
      {
        handle: rule["handle"],
        matches: matches.map(matchText).sort().join(" "),
        ...(typeof device === "string" ? { device } : {}),
      },
    ];
  });
}

/** Lines for `nft -f`; none for a chain that lets everything pass, or has our rules. */
export function missingRules(
  chain: ForeignChain,
  rules: readonly ForeignRule[],
  passage: VpcPassage,
): readonly string[] {
  if (chain.policy === "accept" && rules.every(({ device }) => isRootInterface(device))) return [];
  return passageRules(chain.hook, passage)
    .filter((wanted) => !rules.some(({ matches }) => matches === textOf(wanted)))
    .map((wanted) => `insert rule ${path(chain)} ${nftMatches(wanted)} counter accept comment "estiba"`);
}

/** Lines for `nft -f` that take our rules out again. */
export const removalOfRules = (
  chain: ForeignChain,
  rules: readonly ForeignRule[],
  rootInterfacePrefix: string,
): readonly string[] =>
  rules
    .filter(({ device }) => device?.startsWith(rootInterfacePrefix))
    .map(({ handle }) => `delete rule ${path(chain)} handle ${handle}`);

/** Shell lines for the tables of the older iptables, which nft does not show. */
export const legacyLines = (passage: VpcPassage): readonly string[] =>
  (["input", "forward"] as const).flatMap((hook) =>
    passageRules(hook, passage).map((wanted) => {
      const rule = `${hook.toUpperCase()} ${legacyMatches(wanted)} -m comment --comment estiba -j ACCEPT`;
      return `iptables-legacy -w -C ${rule} 2>/dev/null || iptables-legacy -w -I ${rule}`;
    }),
  );

/** Of `iptables-legacy -S`: shell lines that take our rules out again. */
export const legacyRemoval = (listing: string, rootInterfacePrefix: string): readonly string[] =>
  listing
    .split("\n")
    .filter(
      (line) => line.startsWith("-A ") && / -[io] (\S+)/.exec(line)?.[1]?.startsWith(rootInterfacePrefix),
    )
    .map((line) => `iptables-legacy -w -D ${line.slice("-A ".length)}`);

export const path = (chain: ForeignChain): string => `${chain.family} ${chain.table} ${chain.name}`;

const isRootInterface = (device: string | undefined): boolean =>
  device !== undefined && /^eb[a-z0-9]{1,6}-[a-z0-9]{6}$/.test(device);

/** A name that `nft -f` reads as one word; it has no way to write others. */
const isPlain = (name: unknown): name is string =>
  typeof name === "string" && /^[A-Za-z][A-Za-z0-9_./-]*$/.test(name);

interface Wanted {
  readonly from?: string;
  readonly to?: string;
  readonly destination?: string;
  readonly port?: Port;
}

/** What is forwarded *to* the VPC is judged by our own table: answers pass, the rest is dropped there. */
const passageRules = (hook: "input" | "forward", passage: VpcPassage): readonly Wanted[] =>
  hook === "input"
    ? passage.ports.map((port) => ({ from: passage.rootInterface, destination: passage.endpoint, port }))
    : [{ from: passage.rootInterface }, { to: passage.rootInterface }];

/** Only what iptables can show too: its tables are often nft's, and an expression it does not know locks the user out. */
const nftMatches = ({ from, to, destination, port }: Wanted): string =>
  joined([
    from && `iifname "${from}"`,
    to && `oifname "${to}"`,
    destination && `ip daddr ${destination}`,
    port && `${port.protocol} dport ${port.port}`,
  ]);

const legacyMatches = ({ from, to, destination, port }: Wanted): string =>
  joined([
    from && `-i ${from}`,
    to && `-o ${to}`,
    destination && `-d ${destination}`,
    port && `-p ${port.protocol} --dport ${port.port}`,
  ]);

const textOf = ({ from, to, destination, port }: Wanted): string =>
  [
    from && `iifname=${from}`,
    to && `oifname=${to}`,
    destination && `ip.daddr=${destination}`,
    port && `${port.protocol}.dport=${port.port}`,
  ]
    .filter((part) => part !== undefined)
    .sort()
    .join(" ");

const joined = (parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join(" ");

interface Match {
  readonly left: {
    readonly meta?: { readonly key: string };
    readonly payload?: { readonly protocol?: string; readonly field?: string };
  };
  readonly right: unknown;
}

interface Expression {
  readonly match?: Match;
}

const matchText = ({ left, right }: Match): string =>
  `${left.meta?.key ?? `${left.payload?.protocol ?? "?"}.${left.payload?.field ?? "?"}`}=${
    typeof right === "string" || typeof right === "number" ? right : JSON.stringify(right)
  }`;

type Entry = Readonly<Record<"chain" | "rule", Readonly<Record<string, unknown>> | undefined>>;

const entries = (listing: string): readonly Entry[] =>
  (JSON.parse(listing) as { readonly nftables: readonly Entry[] }).nftables;
