// The parameters of a Query request, as a tree by their dotted names (`Filter.1.Value.2`).
import { ServiceError } from "#lib/errors.ts";
import { percentDecode } from "#lib/sigv4-canonical.ts";
import { header, type WireRequest } from "./wire-request.ts";

/** A Map, never an object: the names are the caller's. */
export interface ParameterNode {
  value?: string;
  readonly children: Map<string, ParameterNode>;
}

type Parameters = ReadonlyMap<string, string>;

/**
 * The parameters of body (form) and URL; the body's win. This runs before anybody is authenticated, so it ends at
 * `limit` parameters. Throws MalformedQueryString.
 */
export function readParameters(request: WireRequest, limit: number): Map<string, string> {
  const out = new Map<string, string>();
  // In the URL a plus sign is one, as in the canonical query that was signed: read as a space, one signature would stand
  // for two requests.
  parseForm(request.rawQuery, out, limit, false);
  for (const name of [...out.keys()]) if (name.startsWith("X-Amz-")) out.delete(name);
  const contentType = (header(request, "content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (request.body.length > 0 && contentType === "application/x-www-form-urlencoded") {
    parseForm(Buffer.from(request.body).toString("latin1"), out, limit, true);
  }
  return out;
}

function parseForm(text: string, out: Map<string, string>, limit: number, plusIsSpace: boolean): void {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  const parts = text.split("&", limit + 1);
  if (parts.length > limit) {
    throw new ServiceError("MalformedQueryString", `A request may have at most ${limit} parameters.`);
  }
  for (const part of parts) {
    if (part === "") continue;
    const at = part.indexOf("=");
    try {
      const name = utf8.decode(percentDecode(at < 0 ? part : part.slice(0, at), plusIsSpace));
      out.set(name, at < 0 ? "" : utf8.decode(percentDecode(part.slice(at + 1), plusIsSpace)));
    } catch {
      throw new ServiceError("MalformedQueryString", "The query string is not valid UTF-8.");
    }
  }
}

/** Throws MalformedQueryString for names with more than `depth` steps. */
export function parameterTree(parameters: Parameters, depth: number): ParameterNode {
  const root: ParameterNode = { children: new Map() };
  for (const [name, value] of parameters) {
    if (name === "Action" || name === "Version") continue;
    const path = name.split(".");
    if (path.length > depth)
      throw new ServiceError("MalformedQueryString", "A parameter is nested too deeply.");
    let node = root;
    for (const step of path) {
      let next = node.children.get(step);
      if (next === undefined) node.children.set(step, (next = { children: new Map() }));
      node = next;
    }
    node.value = value;
  }
  return root;
}
