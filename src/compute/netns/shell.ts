// Words for a POSIX shell. Pure.

/** The text as one word of a shell command, whatever it holds. */
export function quote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
