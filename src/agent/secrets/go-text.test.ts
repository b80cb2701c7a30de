import { expect, it } from "vitest";
import { goText } from "./go-text.ts";

it.each<readonly [unknown, string]>([
  ["as it is", "as it is"],
  [5432, "5432"],
  [-1.5, "-1.5"],
  [0, "0"],
  [999_999, "999999"],
  [1_000_000, "1e+06"],
  [12_345_678, "1.2345678e+07"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [1e100, "1e+100"],
  [true, "true"],
  [null, "<nil>"],
  [["a", 1, false], "[a 1 false]"],
  [{ b: 2, a: { c: [1] } }, "map[a:map[c:[1]] b:2]"],
])("%j reads as Go prints it: %s", (value, text) => {
  expect(goText(value)).toBe(text);
});
