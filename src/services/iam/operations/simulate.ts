// SimulatePrincipalPolicy and SimulateCustomPolicy, and which context keys policies ask for. What a statement's place in its policy is,
// is not told.
import type { ContextEntry, SimulateCustomPolicyRequest } from "@aws-sdk/client-iam";
import { parseArn } from "#lib/arn.ts";
import type { PolicyHolder } from "#domain/iam/records.ts";
import { documentOf } from "#gateway/grants.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { contextKeysOf } from "#iam/context-keys.ts";
import { contextOf } from "#iam/evaluate.ts";
import { parsePolicy } from "#iam/parse.ts";
import type { Caller } from "#iam/principal.ts";
import type { Reader } from "#store/store.ts";
import { groups, roles, users } from "#store/tables/iam.ts";
import { lengthWithin } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { invalidInput, noSuchEntity } from "../errors.ts";
import { page } from "../paging.ts";
import { type NamedPolicy, simulate, type Simulation } from "../simulation.ts";

type Asked = Omit<SimulateCustomPolicyRequest, "PolicyInputList"> & {
  readonly PolicyInputList?: string[] | undefined;
};

export function simulateOperations({ store, account }: IamDependencies) {
  return {
    SimulatePrincipalPolicy(input, context) {
      const source = sourceOf(store, input.PolicySourceArn);
      return answer({ ...source, identity: [...source.identity, ...given(input)] }, input, context);
    },

    SimulateCustomPolicy(input, context) {
      const caller: Caller = { type: "AWS", arn: `arn:aws:iam::${account}:user/nobody`, account };
      return answer({ identity: given(input), caller }, input, context);
    },

    GetContextKeysForPrincipalPolicy(input) {
      const { identity, boundary = [] } = sourceOf(store, input.PolicySourceArn);
      return keysOf([...identity, ...boundary, ...given(input)]);
    },

    GetContextKeysForCustomPolicy: (input) => keysOf(given(input)),
  } satisfies IamOperations;

  function answer(source: Omit<Simulation, "context">, input: Asked, context: RequestContext) {
    for (const member of ["ResourceHandlingOption", "ResourceOwner"] as const)
      if (input[member] !== undefined) throw invalidInput(`${member} is not implemented by Estiba`);
    const { PermissionsBoundaryPolicyInputList: boundary, ResourcePolicy: resource } = input;
    if (resource !== undefined) parsePolicy(resource, "resource");
    const simulation: Simulation = {
      ...source,
      ...(input.CallerArn === undefined ? {} : { caller: callerOf(input.CallerArn) }),
      ...(boundary === undefined
        ? {}
        : { boundary: readList(boundary, "PermissionsBoundaryPolicyInputList") }),
      ...(resource === undefined
        ? {}
        : { resource: { id: "ResourcePolicy", type: "resource", document: resource } }),
      context: contextOfEntries(input.ContextEntries),
    };
    const pairs = (input.ActionNames ?? []).flatMap((action) =>
      (input.ResourceArns ?? ["*"]).map((arn) => [checkAction(action), arn] as const),
    );
    const numbered = pairs.map((pair, i) => ({ key: String(i).padStart(6, "0"), pair }));
    const { items, rest } = page(numbered, ({ key }) => key, context, input);
    return {
      EvaluationResults: items.map(({ pair: [action, arn] }) => simulate(simulation, action, arn)),
      ...rest,
    };
  }

  function callerOf(arn: string): Caller {
    const user = store.find(users, "arn", arn)[0];
    if (user === undefined) throw invalidInput(`Invalid CallerArn ${arn}: it must be the ARN of a user.`);
    return { type: "AWS", arn, account };
  }
}

/** A user with its groups, a group or a role: their policies, and who calls. */
function sourceOf(reader: Reader, given: string | undefined): Omit<Simulation, "context"> {
  const arn = lengthWithin(given ?? "", "policySourceArn", 20, 2048);
  const caller: Caller = { type: "AWS", arn, account: parseArn(arn)?.account ?? "" };
  const user = reader.find(users, "arn", arn)[0]?.[1];
  const group = reader.find(groups, "arn", arn)[0]?.[1];
  const role = reader.find(roles, "arn", arn)[0]?.[1];
  const boundary = (user ?? role)?.permissionsBoundary;
  const bounded = boundary === undefined ? {} : { boundary: managed(reader, boundary) };
  if (user !== undefined) {
    const memberOf = user.groups.flatMap((name) => reader.get(groups, name) ?? []);
    const ofGroups = memberOf.flatMap((each) => policiesOf(reader, "group", each));
    return { caller, identity: [...policiesOf(reader, "user", user), ...ofGroups], ...bounded };
  }
  if (role !== undefined)
    return { caller: { ...caller, roleArn: arn }, identity: policiesOf(reader, "role", role), ...bounded };
  if (group === undefined) throw noSuchEntity(`The entity with ARN ${arn} cannot be found.`);
  return { caller, identity: policiesOf(reader, "group", group) };
}

function policiesOf(
  reader: Reader,
  type: "user" | "group" | "role",
  holder: PolicyHolder & { readonly name: string },
): readonly NamedPolicy[] {
  const inline = Object.entries(holder.inlinePolicies).map(([name, document]) => ({
    id: `${type}_${holder.name}_${name}`,
    type,
    document,
  }));
  return [...inline, ...holder.attachedPolicies.flatMap((arn) => managed(reader, arn))];
}

function managed(reader: Reader, arn: string): readonly NamedPolicy[] {
  const document = documentOf(reader, arn);
  const id = arn.split("/").at(-1) ?? arn;
  const type = arn.startsWith("arn:aws:iam::aws:") ? "aws-managed" : "user-managed";
  return document === undefined ? [] : [{ id, type, document }];
}

const given = ({ PolicyInputList: texts }: { readonly PolicyInputList?: string[] | undefined }) =>
  readList(texts, "PolicyInputList");

/** @throws MalformedPolicyDocument */
const readList = (texts: readonly string[] | undefined, member: string): readonly NamedPolicy[] =>
  (texts ?? []).map((document, i) => {
    parsePolicy(document, "identity");
    return { id: `${member}.${i + 1}`, type: "none", document };
  });

const keysOf = (policies: readonly NamedPolicy[]) => ({
  ContextKeyNames: [...new Set(policies.flatMap(({ document }) => contextKeysOf(document)))],
});

function checkAction(action: string): string {
  if (!/^[\w-]+:\w+$/.test(action)) throw invalidInput(`Invalid Action: ${action}`);
  return action;
}

const contextOfEntries = (entries: readonly ContextEntry[] | undefined) =>
  contextOf(
    Object.fromEntries(
      (entries ?? []).map(({ ContextKeyName: key = "", ContextKeyValues: values = [] }) => [key, values]),
    ),
  );
