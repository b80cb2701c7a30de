// Whether something on this host listens on a port: tried by listening there for a moment.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

export function isPortFree(protocol: "tcp" | "udp", port: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (protocol === "tcp") {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
      return;
    }
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}
