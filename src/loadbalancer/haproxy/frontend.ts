// A listener's frontend: which group a request goes to, fixed responses, redirects, and the headers that an ALB adds.
import {
  StructureRefused,
  type ProxyListener,
  type ProxyLoadBalancer,
  type RedirectLocation,
} from "../port.ts";
import { backendName } from "./backends.ts";
import {
  encodeForUri,
  escapeArgument,
  literalInFormat,
  safeAddress,
  safeContentType,
  safeName,
  safeNumber,
} from "./escape.ts";
import { drawBound } from "./weights.ts";

export function renderFrontend(
  lb: ProxyLoadBalancer,
  listener: ProxyListener,
  weightsFile: string,
): string[] {
  if (listener.protocol === "HTTPS") throw new StructureRefused("HTTPS listeners are not implemented");
  const http = listener.protocol === "HTTP";
  const idle = safeNumber(lb.idleTimeoutSeconds, 1, 4000);
  return [
    `frontend l_${safeName(listener.id)}`,
    `  mode ${http ? "http" : "tcp"}`,
    `  bind ${safeAddress(lb.address)}:${safeNumber(listener.port, 1, 65535)}`,
    `  timeout client ${idle}s`,
    ...(http ? [`  timeout http-keep-alive ${idle}s`, ...forwardedHeaders(listener.port)] : []),
    ...renderAction(listener, weightsFile, http),
  ];
}

function forwardedHeaders(port: number): string[] {
  const random = "%[rand(4294967295),hex,bytes(8,8),lower]";
  return [
    "  option forwardfor",
    "  http-request set-header X-Forwarded-Proto http",
    `  http-request set-header X-Forwarded-Port ${port}`,
    `  http-request set-header X-Amzn-Trace-Id Root=1-%[date,hex,bytes(8,8),lower]-${random.repeat(3)} unless { req.hdr(X-Amzn-Trace-Id) -m found }`,
  ];
}

function renderAction(listener: ProxyListener, weightsFile: string, http: boolean): string[] {
  const action = listener.defaultAction;
  if (action.type === "forward")
    return renderForward(
      listener.id,
      action.targetGroups.map((g) => g.targetGroupId),
      weightsFile,
      http,
    );
  if (!http) throw new StructureRefused(`a TCP listener cannot do ${action.type}`);
  if (action.type === "redirect") return renderRedirect(action.location, action.statusCode, listener);
  const status = safeNumber(action.statusCode, 200, 599);
  const type = action.contentType === "" ? "text/plain" : safeContentType(action.contentType);
  return [
    "  http-after-response set-header server awselb/2.0",
    action.body === ""
      ? `  http-request return status ${status}`
      : `  http-request return status ${status} content-type ${escapeArgument(type)} string ${escapeArgument(action.body)}`,
  ];
}

function renderForward(
  listenerId: string,
  groups: readonly string[],
  weightsFile: string,
  http: boolean,
): string[] {
  const rule = http ? "http-request" : "tcp-request content";
  const refuse = http ? "http-request return status 503 default-errorfiles" : "tcp-request content reject";
  if (groups.length === 0) return [`  ${refuse}`];
  const several = groups.length > 1;
  const draw = !several
    ? []
    : [
        `  ${rule} set-var(txn.w) str(${safeName(listenerId)}),map_str(${weightsFile})`,
        `  ${rule} set-var(txn.r) rand(${drawBound})`,
        ...groups.map((_, i) => `  ${rule} set-var(txn.t${i}) var(txn.w),field(${i + 1},_)`),
        // Last to first, so that the first group whose bound lies above the draw wins.
        ...groups
          .map(
            (id, i) => `  ${rule} set-var(txn.g) str(${safeName(id)}) if { var(txn.r),sub(txn.t${i}) lt 0 }`,
          )
          .reverse(),
        `  ${refuse} unless { var(txn.g) -m found }`,
      ];
  // After a reload the old worker counts no server as usable, though it goes on serving the last request of each connection.
  const serving = "!{ stopping }";
  const chosen = (id: string) => (several ? `{ var(txn.g) -m str ${id} } ` : "");
  return [
    ...draw,
    ...groups.map(
      (id) =>
        `  ${refuse} if ${chosen(id)}${serving} { nbsrv(${backendName("tg", id)}) eq 0 } { nbsrv(${backendName("fo", id)}) eq 0 }`,
    ),
    ...groups.flatMap((id) => [
      `  use_backend ${backendName("fo", id)} if ${chosen(id)}${serving} { nbsrv(${backendName("tg", id)}) eq 0 }`,
      several
        ? `  use_backend ${backendName("tg", id)} if { var(txn.g) -m str ${id} }`
        : `  default_backend ${backendName("tg", id)}`,
    ]),
  ];
}

function renderRedirect(location: RedirectLocation, status: 301 | 302, listener: ProxyListener): string[] {
  const protocol = listener.protocol.toLowerCase();
  const fill = (template: string, query: string) =>
    template
      .split(/(#\{(?:protocol|host|port|path|query)\})/)
      .map((part) => {
        if (part === "#{protocol}") return protocol;
        if (part === "#{host}") return "%[req.hdr(host),field(1,:)]";
        if (part === "#{port}") return String(listener.port);
        if (part === "#{path}") return "%[path,regsub(^/,)]";
        if (part === "#{query}") return query;
        return literalInFormat(encodeForUri(part));
      })
      .join("");
  const scheme = fill(location.protocol, "").toLowerCase();
  if (scheme !== "http" && scheme !== "https")
    throw new StructureRefused("a redirect's protocol is HTTP or HTTPS");
  const line = (query: string, condition: string) => {
    const filled = fill(location.query, query);
    const url = `${scheme}://${fill(location.host, query)}:${fill(location.port, query)}${fill(location.path, query)}`;
    return `  http-request redirect location ${escapeArgument(url + (filled === "" ? "" : `?${filled}`))} code ${status}${condition}`;
  };
  return [line("%[query]", " if { query -m len gt 0 }"), line("", "")];
}
