// A JSON value as the text that Go's `%v` prints: the form in which AWS's agent gives a member of a secret that is no string.
// Pure.

export function goText(value: unknown): string {
  if (typeof value === "number") return goNumber(value);
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value === "string") return value;
  if (typeof value !== "object") return value === true ? "true" : "false";
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${goText(member)}`).join(" ")}]`;
}

/** `%g` in its shortest form: with an exponent below 1e-4 and from a million on. */
function goNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return withExponent(value);
  return String(value);
}

/** Go writes at least two digits of it. */
const withExponent = (value: number): string =>
  value.toExponential().replace(/e([+-])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`);
