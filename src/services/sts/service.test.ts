import { expect, it } from "vitest";
import type { RequestContext } from "#gateway/service-definition.ts";
import { createStsService } from "./service.ts";

it("tells a caller who it is, a role session with its session name", async () => {
  const principal = {
    type: "instance",
    arn: "arn:aws:sts::123456789012:assumed-role/ecsInstanceRole/i-0123",
    account: "123456789012",
    id: "AROAEXAMPLE:i-0123",
    roleArn: "arn:aws:iam::123456789012:role/ecsInstanceRole",
    instanceId: "i-0123",
  } as const;
  const operation = createStsService({} as never).operations["GetCallerIdentity"];
  expect(await operation?.({} as never, { principal } as unknown as RequestContext)).toEqual({
    UserId: "AROAEXAMPLE:i-0123",
    Account: "123456789012",
    Arn: principal.arn,
  });
});
