// Reading mountinfo: which mounts lie below a folder, and in which order they go.
import { expect, it } from "vitest";
import { mountsBelow, parseMountinfo } from "./mounts.ts";

const mountinfo = [
  "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard",
  "30 22 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct",
  "40 22 254:0 /d /data/hosts/i-1/docker rw - ext4 /dev/vda rw",
  "41 40 0:40 / /data/hosts/i-1/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/l",
  "42 22 254:0 /e /data/hosts/i-10 rw - ext4 /dev/vda rw",
  String.raw`43 22 0:41 / /data/hosts/i-1/with\040blank rw - tmpfs tmpfs rw`,
  "",
].join("\n");

it("finds what is at or below a folder, the newest first, and nothing beside it", () => {
  const mounts = parseMountinfo(mountinfo);
  expect(mountsBelow(mounts, "/data/hosts/i-1")).toEqual([
    "/data/hosts/i-1/with blank",
    "/data/hosts/i-1/docker/overlay2/x/merged",
    "/data/hosts/i-1/docker",
  ]);
  expect(mountsBelow(mounts, "/data/hosts/i-10")).toEqual(["/data/hosts/i-10"]);
  expect(mountsBelow(mounts, "/data/hosts/i-2")).toEqual([]);
});

it("reads type and options behind any number of optional fields", () => {
  expect(parseMountinfo(mountinfo)[1]).toEqual({
    point: "/sys/fs/cgroup/cpu,cpuacct",
    type: "cgroup",
    options: ["rw", "cpu", "cpuacct"],
  });
});
