import { expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { newManagedPolicy, withVersion } from "#domain/iam/managed-policy.ts";
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import { newRole, type RoleRow } from "#domain/iam/records.ts";
import { contextOf, evaluate } from "#iam/evaluate.ts";
import { parsePolicy } from "#iam/parse.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import * as iam from "#store/tables/iam.ts";
import { createPolicyReader } from "./stored-policy.ts";
import { createGrants } from "./grants.ts";

const ROLE = "arn:aws:iam::123456789012:role/app";
const OWN = "arn:aws:iam::123456789012:policy/own";
const document = (Effect: string, Action: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: { Effect, Action, Resource: "*" } });

async function world() {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(iam),
  });
  const random = seededRandom(1);
  const role = newRole(
    { arn: ROLE, name: "app", path: "/", assumeRolePolicyDocument: "", tags: { team: "blue" } },
    random,
    0,
  );
  const grantsOf = createGrants(store, createPolicyReader());
  const policiesOf = (roleArn: string) =>
    grantsOf({ type: "instance", roleArn, arn: "", account: "", id: "", instanceId: "i-1" });
  return {
    put: (changes: Partial<RoleRow>) =>
      store.transact((tx) => tx.put(iam.roles, "app", { ...role, ...changes })),
    putPolicy: (...versions: string[]) =>
      store.transact((tx) => {
        const [first = "", ...rest] = versions;
        const made = newManagedPolicy(
          { arn: OWN, name: "own", path: "/", tags: {}, document: first },
          random,
          0,
        );
        const last = rest.reduce(
          (row, text) => withVersion(row, { document: text, asDefault: true }, 0),
          made,
        );
        tx.put(iam.managedPolicies, "own", last);
      }),
    tags: () => policiesOf(ROLE).tags,
    may: (action: string, arn = ROLE) =>
      evaluate(policiesOf(arn), {
        principal: { type: "AWS", arn, account: "123456789012" },
        action,
        resources: [{ arn: "*" }],
        context: contextOf({}),
      }).allowed,
  };
}

it("are the inline ones, the attached ones of AWS and the attached own ones, as they are now", async () => {
  const { put, putPolicy, may, tags } = await world();
  await put({});
  expect(may("ecs:Poll")).toBe(false);
  await put({ inlinePolicies: { a: document("Allow", "ecs:Poll") } });
  expect([may("ecs:Poll"), may("ecs:SubmitTaskStateChange")]).toEqual([true, false]);
  await put({
    attachedPolicies: ["arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"],
  });
  expect(may("ecs:SubmitTaskStateChange")).toBe(true);
  await putPolicy(document("Allow", "ecs:RunTask"));
  await put({ attachedPolicies: [OWN] });
  expect(may("ecs:RunTask")).toBe(true);
  await putPolicy(document("Allow", "ecs:RunTask"), document("Deny", "ecs:RunTask"));
  expect(may("ecs:RunTask")).toBe(false);
  expect(tags()).toEqual({ team: "blue" });
});

it("are none of a role that is gone, and none of an attached policy that is not known", async () => {
  const { put, may } = await world();
  await put({
    attachedPolicies: ["arn:aws:iam::aws:policy/Gone"],
    inlinePolicies: { a: document("Allow", "*") },
  });
  expect(may("ecs:RunTask")).toBe(true);
  expect(may("ecs:RunTask", `${ROLE}2`)).toBe(false);
});

it("forbid everything when one of them cannot be read: it may have been meant to", async () => {
  const { put, may } = await world();
  await put({
    inlinePolicies: { a: document("Allow", "*"), b: '{"Statement":{"Effect":"Deny","Action":"e*:x"}}' },
  });
  expect(may("ecs:RunTask")).toBe(false);
});

it.each([...awsPolicies.values()])(
  "of AWS, $name is a policy under its ARN",
  ({ arn, name, document: text }) => {
    expect(arn).toMatch(new RegExp(`^arn:aws:iam::aws:policy/(service-role/)?${name}$`));
    expect(parsePolicy(text, "identity").statements.length).toBeGreaterThan(0);
  },
);
