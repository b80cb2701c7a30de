// Quoting, judged by a real shell.
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { quote } from "./shell.ts";

it("makes one word of any text", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: "grapheme", maxLength: 20 }).filter((s) => !s.includes("\0")),
        { maxLength: 20 },
      ),
      (words) => {
        const script = `for word in ${words.map(quote).join(" ")}; do printf '%s\\0' "$word"; done`;
        const seen = execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" });
        expect(seen.split("\0").slice(0, -1)).toEqual(words);
      },
    ),
    { numRuns: 50 },
  );
});

it("leaves plain paths as they are, for readers of scripts", () => {
  expect(quote("/var/lib/estiba/hosts/i-1")).toBe("/var/lib/estiba/hosts/i-1");
  expect(quote("")).toBe("''");
});
