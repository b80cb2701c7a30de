// JSON values, as events are made of them.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
