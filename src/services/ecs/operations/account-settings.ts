// Account settings: what Estiba does is fixed, so a setting can be read, and set to what it is. Anything else is refused by name.
import type { Setting } from "@aws-sdk/client-ecs";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { EcsOperations } from "../dependencies.ts";
import { invalidParameter, notImplemented } from "../errors.ts";
import { page } from "../paging.ts";

const EFFECTIVE: Readonly<Record<string, string>> = {
  awsvpcTrunking: "disabled",
  containerInsights: "disabled",
  containerInstanceLongArnFormat: "enabled",
  serviceLongArnFormat: "enabled",
  taskLongArnFormat: "enabled",
};

export function accountSettingOperations() {
  return {
    /** Nothing is ever set apart from the defaults: without effectiveSettings the list is empty. */
    ListAccountSettings(input, context) {
      const { name, value, effectiveSettings = false } = input;
      const principalArn = principalOf(context, input.principalArn);
      if (name !== undefined) effective(name);
      const settings = effectiveSettings
        ? Object.keys(EFFECTIVE)
            .map((known) => show(known, principalArn))
            .filter(
              (s) => (name === undefined || s.name === name) && (value === undefined || s.value === value),
            )
        : [];
      const question = ["ListAccountSettings", principalArn, name, value, effectiveSettings];
      const { items, more } = page(settings, (s) => s.name ?? "", question, input, {
        usual: 10,
        largest: 10,
      });
      return { settings: [...items], ...more };
    },

    PutAccountSetting: (input, context) => ({
      setting: put(input.name, input.value, principalOf(context, input.principalArn)),
    }),

    PutAccountSettingDefault: (input, context) => ({
      setting: put(input.name, input.value, rootOf(context)),
    }),

    DeleteAccountSetting: (input, context) => ({
      setting: show(input.name ?? "", principalOf(context, input.principalArn)),
    }),
  } satisfies EcsOperations;
}

function put(name = "", value = "", principalArn: string): Setting {
  if (effective(name) !== value) throw notImplemented(`The account setting ${name} '${value}'`);
  return show(name, principalArn);
}

function effective(name: string): string {
  const value = Object.hasOwn(EFFECTIVE, name) ? EFFECTIVE[name] : undefined;
  if (value !== undefined) return value;
  if (/^[A-Za-z]{1,64}$/.test(name)) throw notImplemented(`The account setting '${name}'`);
  throw invalidParameter("Invalid account setting name.");
}

const show = (name: string, principalArn: string): Setting => ({
  name: name as NonNullable<Setting["name"]>,
  value: effective(name),
  principalArn,
  type: "user",
});

const rootOf = ({ account }: RequestContext): string => `arn:aws:iam::${account}:root`;

/** Settings of other principals than the caller are the root's to see. */
function principalOf(context: RequestContext, given: string | undefined): string {
  const { principal } = context;
  if (given === undefined || given === principal.arn) return principal.arn;
  if (principal.type !== "root" || !given.startsWith(`arn:aws:iam::${context.account}:`))
    throw invalidParameter("Invalid principalArn.");
  return given;
}
