// docs/coverage.md is what the operation tables say. `UPDATE=1 npx vitest run tests/coverage-page.test.ts` writes it anew.
import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { coverageMarkdown } from "#gateway/coverage.ts";
import { createEc2Service } from "#services/ec2/service.ts";
import { createEcsService } from "#services/ecs/service.ts";
import { createElbv2Service } from "#services/elbv2/service.ts";
import { createEventsService } from "#services/events/service.ts";
import { createIamService } from "#services/iam/service.ts";
import { createKmsService } from "#services/kms/service.ts";
import { createLogsService } from "#services/logs/service.ts";
import { createSecretsManagerService } from "#services/secretsmanager/service.ts";
import { createServiceDiscoveryService } from "#services/servicediscovery/service.ts";
import { createSsmService } from "#services/ssm/service.ts";
import { createStsService } from "#services/sts/service.ts";

const PAGE = "docs/coverage.md";

it("the coverage page names exactly what is built", async () => {
  // The tables are made without being called: nothing they would need is there.
  const none = {} as never;
  const page = await coverageMarkdown([
    createEcsService(none),
    createEc2Service(none),
    createElbv2Service(none),
    createEventsService(none),
    createIamService(none),
    createKmsService(none),
    createLogsService(none),
    createSecretsManagerService(none),
    createServiceDiscoveryService(none),
    createSsmService(none),
    createStsService(none),
  ]);
  if (process.env["UPDATE"] === "1") writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, "utf8")).toBe(page);
});
