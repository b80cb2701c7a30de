// Which condition keys a policy asks for: in conditions and as policy variables (IAM API reference, GetContextKeysForCustomPolicy).
const VARIABLE = /\$\{([A-Za-z0-9-]+:[^},]+?)\s*(?:,[^}]*)?\}/g;

/** Of a text that parsePolicy accepts; as they are written, each once whatever its case. */
export function contextKeysOf(document: string): readonly string[] {
  const policy = JSON.parse(document) as { readonly Statement?: unknown };
  const found = new Map<string, string>();
  const add = (key: string) => found.set(key.toLowerCase(), found.get(key.toLowerCase()) ?? key);
  for (const statement of [policy.Statement ?? []].flat() as Readonly<Record<string, unknown>>[]) {
    const { Condition: condition = {}, ...rest } = statement;
    for (const keys of Object.values(condition as object))
      for (const key of Object.keys(keys as object)) add(key);
    for (const [, variable = ""] of JSON.stringify([rest, condition]).matchAll(VARIABLE)) add(variable);
  }
  return [...found.values()];
}
