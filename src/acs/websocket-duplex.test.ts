// Over a real socket: what a Duplex promises must hold also for what arrives with the upgrade's answer.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Duplex } from "./duplex.ts";
import { connectWebsocket, createWebsocketAcceptor } from "./websocket-duplex.ts";

let server: Server;
let url: string;
let greet: (duplex: Duplex) => void;
beforeEach(async () => {
  const accept = createWebsocketAcceptor();
  server = createServer();
  server.on("upgrade", (req, socket, head) => accept(req, socket, head, (duplex) => greet(duplex)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

it("keeps frames that came before anybody listened, in order", async () => {
  greet = (duplex) => ["manifest", "payload", "credentials"].forEach((frame) => duplex.send(frame));
  const duplex = await connectWebsocket(url, {});
  const heard: string[] = [];
  duplex.onMessage((frame) => heard.push(frame));
  await expect.poll(() => heard).toEqual(["manifest", "payload", "credentials"]);
  duplex.close();
});

it("tells of a close also to who asks after it", async () => {
  greet = (duplex) => duplex.close(1001, "The server is closing");
  const duplex = await connectWebsocket(url, {});
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const closes: (readonly [number, string])[] = [];
  duplex.onClose((code, reason) => closes.push([code, reason]));
  await expect.poll(() => closes).toEqual([[1001, "The server is closing"]]);
});

it("hears nothing more once it closes", async () => {
  const ended = new Promise<void>((resolve) => {
    greet = (duplex) => {
      duplex.onMessage(() => ["late", "later"].forEach((frame) => duplex.send(frame)));
      duplex.onClose(() => resolve());
    };
  });
  const duplex = await connectWebsocket(url, {});
  const heard: string[] = [];
  duplex.onMessage((frame) => heard.push(frame));
  const closed = new Promise<number>((resolve) => duplex.onClose(resolve));
  duplex.send("anything");
  duplex.close();
  await Promise.all([ended, closed]);
  expect(heard).toEqual([]);
});

it("takes no binary frames", async () => {
  const ended = new Promise<number>((resolve) => (greet = (duplex) => duplex.onClose(resolve)));
  const { WebSocket } = await import("ws");
  const socket = new WebSocket(url);
  socket.on("open", () => socket.send(Buffer.from([1, 2, 3])));
  expect(await ended).toBe(1003);
  socket.terminate();
});
