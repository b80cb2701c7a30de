// Image references, as `docker run` takes them: which are well formed, and which mean the same image. Pure.

/** https://github.com/distribution/reference: the grammar; lengths are bounded before any pattern runs. */
const DOMAIN =
  /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?$|^\[[0-9A-Fa-f:]+\](?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const LONGEST = 512;

/**
 * The full form of a reference (`nginx` → `docker.io/library/nginx:latest`), so that equal images compare equal;
 * undefined when it is malformed. With a digest the tag is left out, as it has no say then.
 */
export function normaliseReference(reference: string): string | undefined {
  if (reference.length > LONGEST) return undefined;
  const [named = "", digest, ...rest] = reference.split("@");
  if (rest.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return undefined;
  const components = named.split("/");
  const first = components[0] ?? "";
  const hasDomain = components.length > 1 && (/[.:A-Z]/.test(first) || first === "localhost");
  const domain = hasDomain ? first : "docker.io";
  if (!DOMAIN.test(domain)) return undefined;
  const path = hasDomain ? components.slice(1) : components;
  const last = path.pop() ?? "";
  const colon = last.indexOf(":");
  path.push(colon === -1 ? last : last.slice(0, colon));
  const tag = colon === -1 ? "latest" : last.slice(colon + 1);
  if (!TAG.test(tag) || !path.every((component) => COMPONENT.test(component))) return undefined;
  const canonicalDomain = domain === "index.docker.io" ? "docker.io" : domain;
  if (canonicalDomain === "docker.io" && path.length === 1) path.unshift("library");
  return `${canonicalDomain}/${path.join("/")}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}
