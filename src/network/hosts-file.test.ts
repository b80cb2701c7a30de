import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withHostNames } from "./hosts-file.ts";

const names = fc.array(
  fc.record({
    name: fc.constantFrom("a.estiba.internal", "web-1.us-east-1.elb.estiba.internal", "b.c"),
    address: fc.constantFrom("10.64.0.9", "10.64.1.200"),
  }),
  { maxLength: 5 },
);
const line = fc.oneof(
  fc.constantFrom(
    "127.0.0.1 localhost",
    "::1 localhost",
    "# a comment",
    "",
    "10.0.0.1 printer # END estiba b",
  ),
  fc.string({ maxLength: 20 }).map((text) => text.replaceAll("\n", "")),
);
const file = fc
  .tuple(fc.array(line, { maxLength: 6 }), fc.boolean())
  .map(([lines, closed]) => lines.join("\n") + (closed && lines.length > 0 ? "\n" : ""));
const closedText = (text: string) => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

describe("the block in a hosts file", () => {
  it("comes and goes without a trace but the last line's end", () => {
    fc.assert(
      fc.property(file, names, (text, some) => {
        const without = withHostNames(withHostNames(text, "a", some), "a", []);
        expect(without).toBe(some.length === 0 ? text : closedText(text));
      }),
    );
  });

  it("holds the last names only, written twice as written once", () => {
    fc.assert(
      fc.property(file, names, names, (text, first, last) => {
        const start = closedText(text);
        const wanted = withHostNames(start, "a", last);
        expect(withHostNames(withHostNames(start, "a", first), "a", last)).toBe(wanted);
        expect(withHostNames(wanted, "a", last)).toBe(wanted);
        for (const { name, address } of last) expect(wanted.split("\n")).toContain(`${address} ${name}`);
      }),
    );
  });

  it("leaves another data folder's block alone", () => {
    fc.assert(
      fc.property(file, names, names, (text, mine, theirs) => {
        const both = withHostNames(withHostNames(closedText(text), "b", theirs), "a", mine);
        expect(withHostNames(both, "a", [])).toBe(withHostNames(closedText(text), "b", theirs));
      }),
    );
  });

  it("stays where it is when lines were added after it", () => {
    const name = { name: "a.b", address: "10.0.0.1" };
    const text = `127.0.0.1 localhost\n${withHostNames("", "a", [name])}10.9.9.9 mine\n`;
    expect(withHostNames(text, "a", [])).toBe("127.0.0.1 localhost\n10.9.9.9 mine\n");
    expect(withHostNames(text, "a", [{ ...name, address: "10.0.0.2" }])).toBe(
      text.replace("10.0.0.1", "10.0.0.2"),
    );
  });

  it("keeps the lines after a block that lost its end", () => {
    const block = withHostNames("", "a", [{ name: "a.b", address: "10.0.0.1" }]);
    const cut = block.slice(0, block.indexOf("# END"));
    expect(withHostNames(`${cut}# mine\n10.9.9.9 mine # x\n`, "a", [])).toBe("# mine\n10.9.9.9 mine # x\n");
  });
});
