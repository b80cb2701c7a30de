// Names and places of a host: what is too long, and what is no id, is refused before anything is made.
import { expect, it } from "vitest";
import { hostLayout, isInstanceId, sharedLayout } from "./layout.ts";

it("keeps the group of an instance's tasks beside that of its engine and agent", () => {
  const layout = hostLayout(sharedLayout("/var/lib/estiba/hosts", "abc"), "i-0a1b");
  expect(layout.systemCgroup).toBe("/estiba/abc/i-0a1b/system");
  expect(layout.tasksCgroup).toBe("/estiba/abc/i-0a1b/ecs");
  expect(layout.socket).toBe("/var/lib/estiba/hosts/i-0a1b/root/var/lib/estiba/docker.sock");
});

it("takes the longest folder whose sockets the kernel accepts, and no longer one", () => {
  const folder = (length: number) => "/".padEnd(length, "x");
  const longest = 107 - "/i-0123456789abcdef0/run/libnetwork/0123456789ab.sock".length;
  const { socket } = hostLayout(sharedLayout(folder(longest), "s"), "i-0123456789abcdef0");
  expect(socket.length).toBeLessThanOrEqual(107);
  expect(() => sharedLayout(folder(longest + 3), "s")).toThrow(/is 3 characters too long/);
});

it.each(["../i-1", "i-1/..", "i-", "x", "i-0123456789abcdef01", "containerd"])(
  "takes %j for no instance",
  (id) => {
    expect(isInstanceId(id)).toBe(false);
    expect(() => hostLayout(sharedLayout("/h", "s"), id)).toThrow(/is not the id of an instance/);
  },
);

it("refuses a scope that could be more than one name", () => {
  expect(() => sharedLayout("/h", "a/b")).toThrow(/is not a scope/);
});
