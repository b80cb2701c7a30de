import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT } from "#controllers/world.suite.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { arn } from "./service-calls.suite.ts";

let f: PlacingFixture;
beforeEach(async () => {
  f = await createPlacingFixture();
  await f.define();
});
afterEach(() => f.close());

describe("what is an exception, and what is in failures[]", () => {
  const hex = "0".repeat(32);
  const other = `arn:aws:ecs:eu-west-1:${ACCOUNT}:service-deployment/main/web/1`;
  const missing = (resource: string) => ({ failures: [{ arn: arn(resource), reason: "MISSING" }] });
  const table: [string, (ecs: PlacingFixture["client"]) => Promise<unknown>, string | object][] = [
    [
      "DescribeTasks of an unknown task",
      (ecs) => ecs.describeTasks({ cluster: "main", tasks: [hex] }),
      { tasks: [], ...missing(`task/main/${hex}`) },
    ],
    ["DescribeTasks of none", (ecs) => ecs.describeTasks({ cluster: "main", tasks: [] }), "InvalidParameter"],
    [
      "DescribeTasks of 101",
      (ecs) => ecs.describeTasks({ cluster: "main", tasks: Array.from({ length: 101 }, (_, n) => `${n}`) }),
      "InvalidParameter",
    ],
    [
      "DescribeTasks in an unknown cluster",
      (ecs) => ecs.describeTasks({ cluster: "no", tasks: [hex] }),
      "ClusterNotFound",
    ],
    [
      "DescribeTasks including what it does not know",
      (ecs) => ecs.describeTasks({ cluster: "main", tasks: [hex], include: ["EVENTS" as never] }),
      "InvalidParameter",
    ],
    [
      "DescribeServices of an unknown service",
      (ecs) => ecs.describeServices({ cluster: "main", services: ["no"] }),
      { services: [], ...missing("service/main/no") },
    ],
    [
      "DescribeServices of none",
      (ecs) => ecs.describeServices({ cluster: "main", services: [] }),
      "InvalidP",
    ],
    [
      "DescribeServices of 11",
      (ecs) =>
        ecs.describeServices({ cluster: "main", services: Array.from({ length: 11 }, (_, n) => `${n}`) }),
      "InvalidParameter",
    ],
    [
      "DescribeServices in an unknown cluster",
      (ecs) => ecs.describeServices({ cluster: "no", services: ["a"] }),
      "ClusterNotFound",
    ],
    [
      "StopTask of an unknown task",
      (ecs) => ecs.stopTask({ cluster: "main", task: hex }),
      "InvalidParameter",
    ],
    [
      "UpdateService of an unknown service",
      (ecs) => ecs.updateService({ cluster: "main", service: "no" }),
      "ServiceNotFound",
    ],
    [
      "DeleteService of an unknown service",
      (ecs) => ecs.deleteService({ cluster: "main", service: "no" }),
      "ServiceNotFound",
    ],
    [
      "ListTasks of an unknown service",
      (ecs) => ecs.listTasks({ cluster: "main", serviceName: "no" }),
      "ServiceNotFound",
    ],
    ["ListServices of an unknown cluster", (ecs) => ecs.listServices({ cluster: "no" }), "ClusterNotFound"],
    [
      "ListServiceDeployments of an unknown service",
      (ecs) => ecs.listServiceDeployments({ cluster: "main", service: "no" }),
      "ServiceNotFound",
    ],
    [
      "DescribeServiceDeployments of an unknown one",
      (ecs) =>
        ecs.describeServiceDeployments({ serviceDeploymentArns: [arn("service-deployment/main/a/1")] }),
      { serviceDeployments: [], ...missing("service-deployment/main/a/1") },
    ],
    [
      "DescribeServiceDeployments of another region",
      (ecs) => ecs.describeServiceDeployments({ serviceDeploymentArns: [other] }),
      "InvalidParameter",
    ],
    [
      "DescribeServiceRevisions of an unknown one",
      (ecs) => ecs.describeServiceRevisions({ serviceRevisionArns: [arn("service-revision/main/a/1")] }),
      { serviceRevisions: [], ...missing("service-revision/main/a/1") },
    ],
    [
      "DescribeServiceRevisions of something else",
      (ecs) => ecs.describeServiceRevisions({ serviceRevisionArns: [arn("service/main/a")] }),
      "InvalidParameter",
    ],
    [
      "RunTask in a cluster without instances",
      (ecs) => ecs.runTask({ cluster: "main", taskDefinition: "web" }),
      "InvalidParameter",
    ],
    [
      "StartTask on an unknown instance",
      (ecs) => ecs.startTask({ cluster: "main", taskDefinition: "web", containerInstances: [hex] }),
      { tasks: [], ...missing(`container-instance/main/${hex}`) },
    ],
    [
      "UpdateTaskProtection of an unknown task",
      (ecs) => ecs.updateTaskProtection({ cluster: "main", tasks: [hex], protectionEnabled: true }),
      { protectedTasks: [], ...missing(`task/main/${hex}`) },
    ],
    [
      "GetTaskProtection of none",
      (ecs) => ecs.getTaskProtection({ cluster: "main", tasks: [] }),
      "InvalidParameter",
    ],
    [
      "DescribeTaskSets, which is not built",
      (ecs) => ecs.describeTaskSets({ cluster: "main", service: "web" }),
      "UnknownOperation",
    ],
  ];
  it.each(table)("%s", async (_what, call, expected) => {
    const answer = await refusal(call(f.client));
    if (typeof expected === "string") expect(answer).toMatch(new RegExp(`^${expected}\\w*: `));
    else expect(answer).toMatchObject(expected);
  });
});
