import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { ConnectionRefused, connectWebsocket } from "./websocket-duplex.ts";

async function listening(server: ReturnType<typeof createServer>) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/acs/ws?x=a+b`;
}

it("hears frames that came in one piece with the answer to the upgrade, whenever it is listened to", async () => {
  const server = createServer();
  let asked = "";
  server.on("upgrade", (req, socket) => {
    asked = req.url ?? "";
    const key = createHash("sha1")
      .update(`${req.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    const frames = ["first", "second"].flatMap((text) => [0x81, text.length, ...Buffer.from(text)]);
    // The client's answer to the close.
    socket.once("data", () => socket.end());
    socket.write(
      Buffer.concat([
        Buffer.from([...head, `Sec-WebSocket-Accept: ${key}`, "", ""].join("\r\n")),
        Buffer.from(frames),
        // 1001, no reason.
        Buffer.from([0x88, 2, 0x03, 0xe9]),
      ]),
    );
  });
  const duplex = await connectWebsocket(await listening(server), {});
  await new Promise(setImmediate);
  const heard: (string | number)[] = [];
  duplex.onMessage((frame) => heard.push(frame));
  await new Promise<void>((resolve) =>
    duplex.onClose((code) => {
      heard.push(code);
      resolve();
    }),
  );
  expect(heard).toEqual(["first", "second", 1001]);
  // The query is sent as it stands: it was signed so.
  expect(asked).toBe("/acs/ws?x=a+b");
  server.close();
});

it("tells a refusal with its status and body", async () => {
  const server = createServer();
  server.on("upgrade", (_req, socket) =>
    socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\ngone"),
  );
  const refused = await connectWebsocket(await listening(server), {}).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConnectionRefused);
  expect(refused).toMatchObject({ statusCode: 400, body: "gone" });
  server.close();
});
