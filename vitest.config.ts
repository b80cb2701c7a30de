// Three projects, one after the other: `unit` runs anywhere, a file per core; `real` drives Docker, HAProxy and namespaces, two files
// at a time (they mostly wait), so each has its own data folder, port and address range; `alone` are those that compare the whole
// machine before and after, one file at a time.
import { defineConfig } from "vitest/config";

const real = ["**/*.real.test.ts"];
const alone = [
  ...["awsvpc", "demo", "discovery", "down-and-up", "fargate", "join"].map(
    (name) => `tests/e2e/${name}.real.test.ts`,
  ),
  "tests/scripts/leaks.real.test.ts",
];

// The SDK's advice on Node versions would stand between the tests' lines.
const env = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };

const machine = {
  env,
  pool: "forks",
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;

export default defineConfig({
  test: {
    // By itself vitest leaves one core unused.
    minWorkers: 2,
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          env,
          include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
          exclude: real,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          ...machine,
          name: "real",
          include: real.flatMap((p) => [`src/${p}`, `tests/${p}`]),
          exclude: alone,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...machine,
          name: "alone",
          include: alone,
          poolOptions: { forks: { singleFork: true } },
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
