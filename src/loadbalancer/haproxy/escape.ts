// Every text that a user chose enters the configuration through this file. An unescaped byte is a security bug.
import { StructureRefused } from "../port.ts";

const safeByte = /[A-Za-z0-9_.:/-]/;

/** One configuration argument: all but a few harmless characters become `\xNN`, which HAProxy decodes after splitting words. */
export function escapeArgument(text: string): string {
  if (text === "") return '""';
  let out = "";
  for (const byte of new TextEncoder().encode(text)) {
    if (byte === 0) throw new StructureRefused("a NUL character cannot be configured");
    const char = String.fromCharCode(byte);
    out += safeByte.test(char) ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return out;
}

/** A literal inside a log-format string (before `escapeArgument`): `%` would begin an expression. */
export const literalInFormat = (text: string): string => text.replaceAll("%", "%%");

/** Control characters, spaces and bytes beyond ASCII percent-encoded: nothing can end a header or request line. */
export function encodeForUri(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) {
    out +=
      byte > 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function checked(pattern: RegExp, what: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw new StructureRefused(`${what} ${JSON.stringify(text)} is not allowed`);
    return text;
  };
}

/** Ids and server keys stand bare in names and runtime commands. */
export const safeName = checked(/^[A-Za-z0-9-]{1,100}$/, "the name");
export const safeAddress = checked(/^\d{1,3}(\.\d{1,3}){3}$/, "the address");
export const safeCookieName = checked(/^[A-Za-z0-9!#$&'*+.^_`|~-]{1,128}$/, "the cookie name");
export const safeContentType = checked(
  /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+(; ?[A-Za-z0-9=_-]+)?$/,
  "the content type",
);
export const safeMatcher = checked(/^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/, "the matcher");

export function safeNumber(value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new StructureRefused(`the number ${String(value)} is not within ${least} and ${most}`);
  return value;
}
