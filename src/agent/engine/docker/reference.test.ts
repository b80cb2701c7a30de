import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normaliseReference } from "./reference.ts";

const digest = `sha256:${"0a".repeat(32)}`;

describe("an image reference", () => {
  it.each([
    ["nginx", "docker.io/library/nginx:latest"],
    ["nginx:1.25", "docker.io/library/nginx:1.25"],
    ["library/nginx", "docker.io/library/nginx:latest"],
    ["docker.io/nginx", "docker.io/library/nginx:latest"],
    ["index.docker.io/library/nginx:latest", "docker.io/library/nginx:latest"],
    ["amazon/amazon-ecs-sample", "docker.io/amazon/amazon-ecs-sample:latest"],
    ["localhost/web", "localhost/web:latest"],
    ["localhost:5000/web", "localhost:5000/web:latest"],
    ["registry.test:5000/a/b-c__d.e:V1_x", "registry.test:5000/a/b-c__d.e:V1_x"],
    [
      "000000000000.dkr.ecr.us-east-1.estiba.internal:4566/shop:3",
      "000000000000.dkr.ecr.us-east-1.estiba.internal:4566/shop:3",
    ],
    ["[::1]:5000/web", "[::1]:5000/web:latest"],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
    [`nginx:1.25@${digest}`, `docker.io/library/nginx@${digest}`],
  ])("%s means %s", (reference, full) => {
    expect(normaliseReference(reference)).toBe(full);
  });

  it.each([
    "",
    ":",
    "nginx:",
    ":latest",
    "Nginx",
    "a//b",
    "/a",
    "a/",
    "a/../b",
    "a b",
    "a?b",
    "a#b",
    "a%2fb",
    "nginx:tag:tag",
    "nginx@sha256:short",
    `nginx@${digest}@${digest}`,
    "-a",
    "a-",
    "http://registry/a",
    `a:${"t".repeat(129)}`,
  ])("%j is malformed", (reference) => {
    expect(normaliseReference(reference)).toBeUndefined();
  });

  it("has a full form that is its own full form, and nothing that changes a path", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9._:/@?#% -]{0,40}$/), (reference) => {
        const full = normaliseReference(reference);
        if (full === undefined) return;
        expect(normaliseReference(full)).toBe(full);
        expect(full).not.toMatch(/[?#%\s]|\/\/|\/\.|\.\.\//);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is judged in no time, however it was made to be slow", () => {
    const started = performance.now();
    for (const hostile of [
      "a-".repeat(255),
      `${"a_".repeat(255)}!`,
      `${"a.".repeat(250)}/x`,
      "a".repeat(1e6),
    ])
      normaliseReference(hostile);
    expect(performance.now() - started).toBeLessThan(200);
  });
});
