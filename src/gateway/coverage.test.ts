import { expect, it } from "vitest";
import { coverageMarkdown } from "./coverage.ts";
import { testServices } from "./gateway.suite.ts";

it("counts what is built against the SDK's schemas, and names what is not", async () => {
  const page = await coverageMarkdown(testServices([]));
  expect(page).toMatch(/^\| ecs \| 6 \| \d+ \|$/m);
  expect(page).toMatch(
    /^Built \(6\): `CreateCluster`, `DeleteCluster`, `DescribeClusters`, `ListClusters`, /m,
  );
  expect(page).toMatch(/^Not built \(\d+\): .*`CreateService`/m);
  expect(page).toMatch(/^Not built: the other \d{3}$/m);
  expect(page.indexOf("## ec2")).toBeLessThan(page.indexOf("## ecs"));
});
