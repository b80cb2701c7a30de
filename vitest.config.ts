// Two projects: `unit` runs anywhere and in parallel; `real` drives Docker, HAProxy and namespaces, one file at a time.
import { defineConfig } from "vitest/config";

const real = ["**/*.real.test.ts"];

// The SDK's advice on Node versions would stand between the tests' lines.
const env = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };

export default defineConfig({
  test: {
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
          name: "real",
          env,
          include: real.flatMap((p) => [`src/${p}`, `tests/${p}`]),
          poolOptions: { forks: { singleFork: true } },
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
