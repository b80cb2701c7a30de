import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { targetGroup } from "#controllers/world.suite.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture, container } from "./placing.suite.ts";
import { entry, serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";

let f: PlacingFixture;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  web = serviceCalls(f);
  await f.define();
});
afterEach(() => f.close());

describe("CreateService's target groups", () => {
  const { arn: absent } = targetGroup("absent");
  const cases: [string, () => Promise<object> | object, RegExp][] = [
    ["an unknown target group", () => entry(absent), /The target group arn:\S+absent\S+ does not exist\.$/],
    [
      "one without a load balancer",
      async () => entry(await f.targetGroup("lonely", {}, false)),
      /^InvalidParameterException: The target group with targetGroupArn \S+ does not have an associated load balancer\.$/,
    ],
    [
      "one of target type ip",
      async () => entry(await f.targetGroup("ips", { targetType: "ip" })),
      /has target type ip, which is incompatible with the bridge network mode specified in the task definition\.$/,
    ],
    [
      "an unknown container",
      async () => ({ ...entry(await f.targetGroup("web")), containerName: "api" }),
      /The container api does not exist in the task definition\.$/,
    ],
    [
      "a port that is not mapped",
      async () => ({ ...entry(await f.targetGroup("web")), containerPort: 81 }),
      /The container app did not have a container port 81 defined\.$/,
    ],
    [
      "a Classic Load Balancer",
      () => ({ loadBalancerName: "old", containerName: "app", containerPort: 80 }),
      /'loadBalancers\[0\]\.loadBalancerName' \(Classic Load Balancers\) is not implemented/,
    ],
    [
      "blue/green settings",
      async () => ({
        ...entry(await f.targetGroup("web")),
        advancedConfiguration: { alternateTargetGroupArn: absent },
      }),
      /'loadBalancers\[0\]\.advancedConfiguration' is not implemented/,
    ],
    [
      "an entry without a port",
      async () => ({ targetGroupArn: await f.targetGroup("web"), containerName: "app" }),
      /Container port cannot be blank/,
    ],
  ];
  it.each(cases)("refuse %s", async (_what, make, words) => {
    expect(await refusal(web.create({ loadBalancers: [await make()] }))).toMatch(words);
  });

  it("refuse a port that only speaks UDP, the same entry twice, and more than five", async () => {
    const group = await f.targetGroup("web");
    await f.define("udp", {
      containerDefinitions: [container({ portMappings: [{ containerPort: 80, protocol: "udp" }] })],
    });
    expect(await refusal(web.create({ taskDefinition: "udp", loadBalancers: [entry(group)] }))).toMatch(
      /did not have a container port 80 defined/,
    );
    expect(await refusal(web.create({ loadBalancers: [entry(group), entry(group)] }))).toMatch(
      /more than once/,
    );
    const six = Array.from({ length: 6 }, (_, n) => entry(`${absent}${n}`));
    expect(await refusal(web.create({ loadBalancers: six }))).toMatch(/at most 5/);
  });

  it("may be several, and none on hosts of one's own", async () => {
    const groups = [await f.targetGroup("a"), await f.targetGroup("b")];
    expect(
      await refusal(web.create({ launchType: "EXTERNAL", loadBalancers: [entry(groups[0] ?? "")] })),
    ).toMatch(/launch type EXTERNAL/);
    expect((await web.create({ loadBalancers: groups.map(entry) }))?.loadBalancers).toEqual(
      groups.map(entry),
    );
  });
});
