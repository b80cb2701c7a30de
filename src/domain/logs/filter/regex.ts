// The regular expressions of filter patterns: alternatives, classes, repetition and anchors, without groups. Matched in time that
// grows with the text and no faster, whatever the expression: they are callers' own.
import { BadPattern } from "./bad-pattern.ts";

export type TextMatcher = (text: string) => boolean;

/** Steps of a compiled expression: what bounds the work for each character. */
const MOST_STEPS = 512;

type Step =
  | { readonly kind: "character"; readonly takes: (character: string) => boolean }
  | { readonly kind: "split"; readonly to: readonly number[] }
  | { readonly kind: "start" | "end" | "match" };
/** Steps whose targets are relative to their own place. */
type Fragment = readonly Step[];

/** @throws BadPattern */
export function compileRegex(source: string): TextMatcher {
  const alternatives = splitAlternatives(source).map(sequence);
  const program: Step[] = [];
  const sizes = alternatives.map((fragment) => fragment.length + 1);
  let at = alternatives.length === 1 ? 0 : 1;
  const starts = sizes.map((size) => {
    const start = at;
    at += size;
    return start;
  });
  if (alternatives.length > 1) program.push({ kind: "split", to: starts });
  for (const fragment of alternatives) program.push(...fragment, { kind: "match" });
  if (program.length > MOST_STEPS) throw new BadPattern("The regular expression is too complex.");
  return (text) => run(program, text);
}

function run(program: readonly Step[], text: string): boolean {
  let states = new Set<number>();
  const characters = [...text];
  for (let position = 0; position <= characters.length; position++) {
    const closed = new Set<number>();
    // A match may begin anywhere.
    if (follow(program, 0, position, characters.length, closed)) return true;
    for (const state of states) if (follow(program, state, position, characters.length, closed)) return true;
    const character = characters[position];
    if (character === undefined) return false;
    states = new Set();
    for (const state of closed) {
      const step = program[state];
      if (step?.kind === "character" && step.takes(character)) states.add(state + 1);
    }
  }
  return false;
}

/** Adds the states that are reached without a character. True: the end of an alternative is among them. */
function follow(
  program: readonly Step[],
  from: number,
  position: number,
  length: number,
  into: Set<number>,
): boolean {
  const open = [from];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (into.has(state)) continue;
    into.add(state);
    const step = program[state];
    if (step === undefined || step.kind === "match") return true;
    if (step.kind === "split") for (const offset of step.to) open.push(state + offset);
    if (step.kind === "start" && position === 0) open.push(state + 1);
    if (step.kind === "end" && position === length) open.push(state + 1);
  }
  return false;
}

/** At each `|` that is neither escaped nor in a class. */
function splitAlternatives(source: string): string[] {
  const out: string[] = [""];
  let inClass = false;
  for (let i = 0; i < source.length; i++) {
    const character = source[i] as string;
    if (character === "|" && !inClass) out.push("");
    else out[out.length - 1] += character === "\\" ? character + (source[++i] ?? "") : character;
    if (character === "[") inClass = true;
    if (character === "]") inClass = false;
  }
  return out;
}

const ATOM = /^(?:\\x[0-9A-Fa-f]{2}|\\[^]|\[\^?(?:\\[^]|[^\]\\])+\]|[^\\])/u;
const QUANTIFIER = /^(?:[?*+]|\{(\d{1,3})(,(\d{1,3})?)?\})/;

function sequence(source: string): Fragment {
  const steps: Step[] = [];
  for (let rest = source; rest !== "";) {
    const atom = ATOM.exec(rest)?.[0];
    if (atom === undefined || /^[()[\]{}?*+]$/.test(atom))
      throw new BadPattern(`The regular expression cannot be read at '${rest}'.`);
    rest = rest.slice(atom.length);
    const quantifier = QUANTIFIER.exec(rest);
    rest = rest.slice(quantifier?.[0].length ?? 0);
    const step = stepOf(atom);
    if (quantifier !== null && step.kind !== "character")
      throw new BadPattern("An anchor cannot be repeated in a regular expression.");
    steps.push(...(quantifier === null ? [step] : repeated(step, quantifier)));
    if (steps.length > MOST_STEPS) throw new BadPattern("The regular expression is too complex.");
  }
  return steps;
}

function stepOf(atom: string): Step {
  if (atom === "^") return { kind: "start" };
  if (atom === "$") return { kind: "end" };
  if (atom === ".") return { kind: "character", takes: (c) => c !== "\n" };
  // One character against one class: JavaScript's own, which cannot backtrack here.
  const single = new RegExp(`^${/^[\\[]/.test(atom) ? escapedAsIs(atom) : escapeLiteral(atom)}$`, "su");
  return { kind: "character", takes: (c) => single.test(c) };
}

const escapeLiteral = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** Escapes that mean something; of any other the character itself. */
function escapedAsIs(atom: string): string {
  const known = atom.replace(/\\([^])/gu, (whole, character: string) =>
    /[dDsSwWxnrt]/.test(character) || /[\\^$.*+?()[\]{}|/-]/.test(character)
      ? whole
      : escapeLiteral(character),
  );
  try {
    new RegExp(known, "u");
    return known;
  } catch {
    throw new BadPattern(`The regular expression cannot be read at '${atom}'.`);
  }
}

function repeated(step: Step, [text, from, comma, to]: RegExpExecArray): Fragment {
  const least = text === "+" ? 1 : Number(from ?? 0);
  const most =
    from === undefined ? (text === "?" ? 1 : Infinity) : comma === undefined ? least : Number(to ?? Infinity);
  if (most < least) throw new BadPattern(`The repetition ${text} cannot be met.`);
  const out: Step[] = Array.from({ length: least }, () => step);
  if (most === Infinity) {
    // split → step → back to the split
    out.push({ kind: "split", to: [1, 3] }, step, { kind: "split", to: [-2] });
    return out;
  }
  for (let i = least; i < most; i++) out.push({ kind: "split", to: [1, 2 * (most - i)] }, step);
  return out;
}
