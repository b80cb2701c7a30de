// The marked block of a data folder in a hosts file, as text. Lines outside of the block stay as they are. Pure.

export interface HostName {
  readonly name: string;
  readonly address: string;
}

const begin = (scope: string) => `# BEGIN estiba ${scope} (kept by Estiba; changes in this block are lost)`;
const end = (scope: string) => `# END estiba ${scope}`;

/** The file with the scope's block holding exactly these names; without a block when there are none. */
export function withHostNames(text: string, scope: string, names: readonly HostName[]): string {
  const { before, after } = apart(text, scope);
  if (names.length === 0) return before + after;
  const gap = before === "" || before.endsWith("\n") ? "" : "\n";
  const lines = [begin(scope), ...names.map(({ name, address }) => `${address} ${name}`), end(scope)];
  return `${before}${gap}${lines.join("\n")}\n${after}`;
}

/** What is before and after the scope's block; a block without end (a write cut short) ends before the first foreign line. */
function apart(text: string, scope: string): { readonly before: string; readonly after: string } {
  const lines = text.split(/(?<=\n)/);
  const start = lines.findIndex((line) => line.trimEnd() === begin(scope));
  if (start < 0) return { before: text, after: "" };
  const close = lines.findIndex((line, i) => i > start && line.trimEnd() === end(scope));
  const foreign = lines.findIndex((line, i) => i > start && !ownLine.test(line));
  const next = close >= 0 ? close + 1 : foreign >= 0 ? foreign : lines.length;
  return { before: lines.slice(0, start).join(""), after: lines.slice(next).join("") };
}

const ownLine = /^\d+\.\d+\.\d+\.\d+ [a-z0-9.-]+\r?\n?$/;
