// The load balancer's own answers, shaped as an Application Load Balancer's.

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  408: "Request Timeout",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Temporarily Unavailable",
  504: "Gateway Time-out",
};

export const errorStatuses = Object.keys(reasons).map(Number);

/** The whole HTTP response as HAProxy's `errorfile` wants it. */
export function errorPage(status: number): string {
  const title = `${status} ${reasons[status] ?? ""}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return `HTTP/1.1 ${title}\r\nserver: awselb/2.0\r\ncontent-type: text/html\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
