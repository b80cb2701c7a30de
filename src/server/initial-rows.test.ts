import { expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import { securityGroups, subnets, vpcs } from "#store/tables/ec2.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import { readConfig } from "./config.ts";
import { ensureInitialRows } from "./initial-rows.ts";
import { allTables } from "./tables.ts";

const config = readConfig({ region: "eu-west-1", defaultVpcCidr: "10.70.0.0/16" }, { HOME: "/nowhere" });

async function fixture() {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: allTables,
  });
  return { store, parts: { store, clock: new TestClock(), random: seededRandom(3), config } };
}

it("makes the configured region's default VPC and the container instances' role and profile", async () => {
  const { store, parts } = await fixture();
  await ensureInitialRows(parts);
  expect(Array.from(store.scan(vpcs), ([, row]) => [row.region, row.cidrBlock, row.isDefault])).toEqual([
    ["eu-west-1", "10.70.0.0/16", true],
  ]);
  expect(Array.from(store.scan(subnets), ([, row]) => row.availabilityZone).sort()).toEqual([
    "eu-west-1a",
    "eu-west-1b",
    "eu-west-1c",
  ]);
  expect([...store.scan(securityGroups)]).toHaveLength(1);
  expect(store.get(roles, "ecsInstanceRole")?.attachedPolicies).toEqual([
    "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
  ]);
  expect(store.get(instanceProfiles, "ecsInstanceRole")).toMatchObject({
    arn: "arn:aws:iam::000000000000:instance-profile/ecsInstanceRole",
    roleNames: ["ecsInstanceRole"],
  });
});

it("writes nothing the second time, and leaves a role that somebody changed", async () => {
  const { store, parts } = await fixture();
  await ensureInitialRows(parts);
  const role = store.get(roles, "ecsInstanceRole");
  if (role === undefined) throw new Error("no role");
  await store.transact((tx) => tx.put(roles, role.name, { ...role, attachedPolicies: [] }));
  const before = store.durableCommits;
  await ensureInitialRows(parts);
  expect(store.durableCommits).toBe(before);
  expect(store.get(roles, "ecsInstanceRole")?.attachedPolicies).toEqual([]);
});
