// S3's calls as permissions: the action by method, path and query (S3 API reference; Service Authorization Reference, "Amazon S3").
// A query parameter that is not known here is refused, since an upstream might take it for a command of its own.
import { percentDecode } from "#lib/sigv4-canonical.ts";
import { header } from "../wire-request.ts";
import { BUCKET_ACTIONS, OBJECT_ACTIONS, PARAMETERS } from "./s3-actions.ts";
import { type Call, type Meaning, NotRouted } from "./target.ts";

export interface S3Place {
  /** Undefined: the list of all buckets. */
  readonly bucket: string | undefined;
  /** Decoded; undefined: the bucket itself. */
  readonly key: string | undefined;
  /** `/bucket/key` as it goes to the upstream, still encoded. */
  readonly rawPath: string;
}

/** The bucket in the host (`photos.localhost`) or first in the path. @throws NotRouted */
export function placeOf({ rawPath, headers }: Call["request"]): S3Place {
  const host = (headers.get("host")?.[0] ?? "").replace(/:\d+$/, "").toLowerCase();
  const inHost = /^(.+)\.localhost$/.exec(host)?.[1];
  const path = inHost === undefined ? rawPath : `/${inHost}${rawPath === "/" ? "" : rawPath}`;
  const [, bucketText = "", keyText] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  if (bucketText === "" && keyText === undefined) return { bucket: undefined, key: undefined, rawPath: "/" };
  if (!/^[A-Za-z0-9._-]{3,255}$/.test(bucketText) || /^\.+$/.test(bucketText))
    throw new NotRouted("The specified bucket is not valid.");
  const key = keyText === undefined || keyText === "" ? undefined : percentDecode(keyText).toString("utf8");
  // An upstream that keeps objects as files might follow it out of the bucket.
  if (
    key?.split(/[/\\]/).some((segment) => segment === "." || segment === "..") === true ||
    key?.includes("\0") === true
  )
    throw new NotRouted("Keys with the segments . and .. are not routed.");
  return { bucket: bucketText, key, rawPath: path };
}

export const queryOf = (rawQuery: string): ReadonlyMap<string, string> =>
  new Map(
    rawQuery
      .split("&")
      .filter((part) => part !== "")
      .map((part): [string, string] => {
        const [name = "", ...value] = part.split("=");
        return [
          percentDecode(name, true).toString("utf8"),
          percentDecode(value.join("="), true).toString("utf8"),
        ];
      }),
  );

/** DeleteObjects says in its body what it deletes. */
export const readsBody = ({ method, rawQuery }: Call["request"]): boolean =>
  method === "POST" && queryOf(rawQuery).has("delete");

/** @throws NotRouted */
export function readS3(call: Call): Meaning {
  const { request } = call;
  const { bucket, key } = placeOf(request);
  const query = queryOf(request.rawQuery);
  const commands = [...query.keys()].filter((name) => !isParameter(name));
  const unknown = commands.find((name) => !(name in BUCKET_ACTIONS) && !(name in OBJECT_ACTIONS));
  if (unknown !== undefined || commands.length > 1)
    throw new NotRouted(
      `The query parameter ${JSON.stringify((unknown ?? commands.join()).slice(0, 64))} of S3 is not known here.`,
    );
  const [command = ""] = commands;
  const context = contextOf(request, query);
  const on = (action: string, resource: string) => ({ action, resource, context });
  const told = (permissions: Meaning["permissions"]): Meaning => ({
    action: permissions[0]?.action ?? "s3:?",
    permissions,
  });

  if (bucket === undefined) {
    if (request.method !== "GET" || command !== "") throw new NotRouted("This call of S3 is not known here.");
    return told([on("s3:ListAllMyBuckets", "*")]);
  }
  const bucketArn = `arn:aws:s3:::${bucket}`;
  if (key === undefined) {
    if (command === "delete" && request.method === "POST")
      return told(
        deletedIn(call.body).map(({ name, isVersion }) =>
          on(isVersion ? "s3:DeleteObjectVersion" : "s3:DeleteObject", `${bucketArn}/${name}`),
        ),
      );
    const action = lookUp(BUCKET_ACTIONS, command, request.method);
    const isGranting = besides(request).includes("s3:PutObjectAcl") && action !== "s3:PutBucketAcl";
    return told([on(action, bucketArn), ...(isGranting ? [on("s3:PutBucketAcl", bucketArn)] : [])]);
  }
  const versioned = query.has("versionId") ? "Version" : "";
  const actions = lookUp(OBJECT_ACTIONS, command, request.method)
    .split(" ")
    .map((action) =>
      VERSIONED.has(action) ? `${action.replace(/(Acl|Tagging|Attributes)?$/, `${versioned}$1`)}` : action,
    );
  return told([
    ...actions.map((action) => on(action, `${bucketArn}/${key}`)),
    ...besides(request).map((action) => on(action, `${bucketArn}/${key}`)),
    ...copied(request).map(({ action, resource }) => on(action, resource)),
  ]);
}

const VERSIONED = new Set([
  "s3:GetObject",
  "s3:DeleteObject",
  "s3:GetObjectAcl",
  "s3:PutObjectAcl",
  "s3:GetObjectTagging",
  "s3:PutObjectTagging",
  "s3:DeleteObjectTagging",
  "s3:GetObjectAttributes",
]);

/** Of a presigned request; others of the kind would be headers that were not looked at. */
const SIGNING =
  /^(X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token|Content-Sha256)|x-amz-(checksum-[a-z0-9]+|sdk-checksum-algorithm|user-agent))$/;

function isParameter(name: string): boolean {
  return PARAMETERS.has(name) || /^response-[a-z-]+$/.test(name) || SIGNING.test(name);
}

function lookUp(
  table: Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>,
  command: string,
  method: string,
): string {
  const action = Object.hasOwn(table, command) ? table[command]?.[method] : undefined;
  if (action === undefined) throw new NotRouted("This call of S3 is not known here.");
  return action.startsWith("s3:") ? action : `s3:${action}`;
}

/** What headers of a PUT ask for besides the object. */
function besides({ headers }: Call["request"]): readonly string[] {
  const has = (name: string) => headers.has(name);
  const isGranting = has("x-amz-acl") || [...headers.keys()].some((name) => name.startsWith("x-amz-grant-"));
  return [
    ...(isGranting ? ["s3:PutObjectAcl"] : []),
    ...(has("x-amz-tagging") ? ["s3:PutObjectTagging"] : []),
    ...(has("x-amz-object-lock-mode") || has("x-amz-object-lock-retain-until-date")
      ? ["s3:PutObjectRetention"]
      : []),
    ...(has("x-amz-object-lock-legal-hold") ? ["s3:PutObjectLegalHold"] : []),
    ...(has("x-amz-bypass-governance-retention") ? ["s3:BypassGovernanceRetention"] : []),
  ];
}

/** A copy reads its source. */
function copied(request: Call["request"]): readonly { readonly action: string; readonly resource: string }[] {
  const source = header(request, "x-amz-copy-source");
  if (source === undefined) return [];
  const [path = "", query = ""] = source.split("?");
  const { bucket, key } = placeOf({
    ...request,
    rawPath: path.startsWith("/") ? path : `/${path}`,
    headers: new Map(),
  });
  if (bucket === undefined || key === undefined) throw new NotRouted("The copy's source is not known here.");
  const isVersion = queryOf(query).has("versionId");
  return [
    { action: isVersion ? "s3:GetObjectVersion" : "s3:GetObject", resource: `arn:aws:s3:::${bucket}/${key}` },
  ];
}

function deletedIn(body: Uint8Array): readonly { readonly name: string; readonly isVersion: boolean }[] {
  const text = Buffer.from(body).toString("utf8");
  if (/<!|<\?(?!xml )/.test(text)) throw new NotRouted("The request's XML is not read here.");
  const objects = [...text.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, inside = ""]) => inside);
  const found = objects.map((inside) => {
    const name = /<Key>(.*?)<\/Key>/s.exec(inside)?.[1];
    if (name === undefined) throw new NotRouted("The request names no key.");
    return { name: unescape(name), isVersion: inside.includes("<VersionId>") };
  });
  // Whatever else begins like an object or a key would be deleted without having been judged.
  const tags = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  if (
    found.length === 0 ||
    tags(/<[^/>]*Object\b/g) !== found.length ||
    tags(/<[^/>]*Key\b/g) !== found.length
  )
    throw new NotRouted("The request's XML is not read here.");
  return found;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

const unescape = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));/g, (whole, decimal, hex, name) => {
    const code = decimal === undefined ? parseInt(String(hex), 16) : Number(decimal);
    if (name === undefined) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    return ENTITIES[String(name)] ?? whole;
  });

function contextOf(
  request: Call["request"],
  query: ReadonlyMap<string, string>,
): Readonly<Record<string, string | undefined>> {
  return {
    "s3:prefix": query.get("prefix"),
    "s3:delimiter": query.get("delimiter"),
    "s3:max-keys": query.get("max-keys"),
    "s3:VersionId": query.get("versionId"),
    "s3:x-amz-acl": header(request, "x-amz-acl"),
    "s3:x-amz-copy-source": header(request, "x-amz-copy-source"),
    "s3:x-amz-server-side-encryption": header(request, "x-amz-server-side-encryption"),
    "s3:x-amz-storage-class": header(request, "x-amz-storage-class"),
    "s3:x-amz-content-sha256": header(request, "x-amz-content-sha256"),
  };
}
