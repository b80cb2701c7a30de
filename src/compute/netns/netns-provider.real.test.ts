// Real hosts out of this machine: the common suite, then what only real engines, containers and a real file system can show.
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { computeSuite } from "../compute.suite.ts";
import { createTestMachine, leftovers, type StubSight } from "./test-machine.ts";

computeSuite("netns", async () => createTestMachine("s"));

describe("a host made out of this machine", () => {
  let machine: ReturnType<typeof createTestMachine>;
  beforeEach(() => {
    machine = createTestMachine("h");
  });
  afterEach(async () => {
    await machine.dispose();
    expect(leftovers(machine)).toEqual([]);
  });
  const eventually = <T>(look: () => T | Promise<T>) => vi.waitFor(look, { timeout: 20_000, interval: 20 });
  const sight = (spec: ReturnType<typeof machine.spec>) =>
    eventually(
      () =>
        JSON.parse(readFileSync(machine.hostFile(spec, "var/lib/ecs/data/seen.json"), "utf8")) as StubSight,
    );

  it("gives the agent a root, a network and processes of its own, and its engine", async () => {
    const spec = machine.spec(1);
    writeFileSync(join(machine.images, "some.tar"), "");
    await machine.provider.launch(spec);
    const seen = await sight(spec);
    expect(seen.hostname).toBe("ip-10-213-0-11");
    expect(seen.ping).toBe(200);
    expect(seen.links).toContain("eth0");
    expect(seen.links).not.toContain(
      readdirSync("/sys/class/net").find((link) => link !== "lo" && link !== "eth0"),
    );
    expect(seen.processes).toBeLessThanOrEqual(3);
    expect(seen.resolv).toBe("nameserver 10.213.0.2\n");
    expect(seen.shadow).toBe("ENOENT");
    expect(seen.images).toEqual(["some.tar"]);
    expect(seen.dev).not.toContain("kmsg");
    expect(seen.cgroup).toContain(`/estiba/${machine.scope}/${spec.instanceId}/system`);
    expect(seen.machineNet).toBe(readFileSync("/proc/1/comm", "utf8").trim());
    expect(seen.env).toMatchObject({
      AWS_DEFAULT_REGION: "eu-west-1",
      ECS_BACKEND_HOST: "http://10.213.0.2:4566",
      ESTIBA_CGROUP_PARENT: `/estiba/${machine.scope}/${spec.instanceId}/ecs`,
      ESTIBA_VCPUS: "2",
      ESTIBA_MEMORY_MIB: "2048",
    });
    expect(readFileSync("/proc/mounts", "utf8")).not.toContain(join(machine.hosts, spec.instanceId, "root"));
    expect(await eventually(() => machine.provider.consoleOutput(spec.instanceId))).toContain(
      "agent started",
    );
  });

  it("keeps a container running while its engine and containerd are killed", async () => {
    const spec = machine.spec(1);
    await machine.provider.launch(spec);
    const engine = machine.engine(spec);
    await engine.loadBusybox();
    const id = await engine.run("steady", ["sleep", "3600"]);
    const before = await engine.inspect(id);
    const kill = async (name: string) => {
      const pid = (await machine.supervisor.state(name))?.pid;
      await machine.supervisor.signal(name, "SIGKILL");
      await eventually(async () => {
        const now = await machine.supervisor.state(name);
        expect(now?.running).toBe(true);
        expect(now?.pid).not.toBe(pid);
      });
    };
    await kill(`engine-${spec.instanceId}`);
    await kill("containerd");
    await machine.newProvider().launch(spec);
    const after = await eventually(async () => {
      const seen = await engine.inspect(id);
      expect(seen.State.Running).toBe(true);
      return seen;
    });
    expect(after.State).toEqual(before.State);
    await machine.provider.terminate(spec.instanceId);
    expect(existsSync(`/proc/${before.State.Pid}`)).toBe(false);
    expect(existsSync(join(machine.hosts, spec.instanceId))).toBe(false);
  });

  it("confines containers to the instance type's memory and counts their time against its processors", async () => {
    const spec = machine.spec(1, { vcpus: 1, memoryMiB: 512 });
    await machine.provider.launch(spec);
    const engine = machine.engine(spec);
    await engine.loadBusybox();
    const id = await engine.run("greedy", ["tail", "/dev/zero"]);
    const ended = JSON.parse(await engine.call("POST", `/containers/${id}/wait`)) as { StatusCode: number };
    expect(ended.StatusCode).not.toBe(0);
    expect((await machine.supervisor.state(`engine-${spec.instanceId}`))?.running).toBe(true);
  });

  it("runs user data once, in the private root, and leaves the machine as it was", async () => {
    const escape = `/etc/estiba-escape-${machine.scope}`;
    const spec = machine.spec(1, {
      userData: `#!/bin/bash
echo ECS_CLUSTER=web >> /etc/ecs/ecs.config
echo x > ${escape}
rm -rf /usr/bin/env
touch /root/${machine.scope} /tmp/${machine.scope}
mount -o remount,rw /usr
echo 1 > /proc/sys/kernel/panic
ls /run/estiba/proc | wc -l
sleep 1000 &
exit 3
`,
    });
    const panic = readFileSync("/proc/sys/kernel/panic", "utf8");
    await machine.provider.launch(spec);
    expect(existsSync(escape)).toBe(false);
    expect(existsSync(`/root/${machine.scope}`)).toBe(false);
    expect(existsSync(`/tmp/${machine.scope}`)).toBe(false);
    expect(statSync("/usr/bin/env").isFile()).toBe(true);
    expect(readFileSync("/proc/sys/kernel/panic", "utf8")).toBe(panic);
    expect(readFileSync(machine.hostFile(spec, escape), "utf8")).toBe("x\n");
    expect((await sight(spec)).config).toBe("ECS_CLUSTER=web\n");
    const output = await eventually(async () => {
      const text = await machine.provider.consoleOutput(spec.instanceId);
      expect(text).toContain("user data: part-001 failed with exit code 3.");
      return text;
    });
    expect(output).toContain("Read-only file system");
    expect(output).toMatch(/^0$/m);
    expect(output).toContain("agent: stub agent ECS_CLUSTER=web");

    await machine.supervisor.signal(`agent-${spec.instanceId}`, "SIGKILL");
    await eventually(async () =>
      expect(
        (await machine.supervisor.tail(`agent-${spec.instanceId}`, 10)).filter((l) => l.includes("stub")),
      ).toHaveLength(2),
    );
    await machine.provider.launch(spec);
    expect((await sight(spec)).config).toBe("ECS_CLUSTER=web\n");
  });

  it("shows why user data is refused, and starts the agent all the same", async () => {
    const spec = machine.spec(1, { userData: "#cloud-config\npackages: [nginx]\n" });
    await machine.provider.launch(spec);
    expect(await machine.provider.consoleOutput(spec.instanceId)).toContain(
      "cloud-config: packages is not supported.",
    );
    expect((await sight(spec)).ping).toBe(200);
  });

  it("finishes the end of a host whose processes died and whose folder was half removed", async () => {
    const spec = machine.spec(1);
    await machine.provider.launch(spec);
    const engine = machine.engine(spec);
    await engine.loadBusybox();
    await engine.run("orphan", ["sleep", "3600"]);
    await machine.supervisor.remove(`agent-${spec.instanceId}`);
    await machine.supervisor.remove(`engine-${spec.instanceId}`);
    await machine.supervisor.remove("containerd");
    await machine.network.detachHost(spec.instanceId);
    await machine.newProvider().terminate(spec.instanceId);
    expect(await machine.provider.list()).toEqual([]);
    expect(leftovers(machine).filter((line) => line.includes(spec.instanceId))).toEqual([]);
  });

  it("tells why a host cannot be launched, in the error and on its console", async () => {
    const spec = machine.spec(1);
    const broken = machine.newProvider({ dockerdPath: "/bin/false" });
    await expect(broken.launch(spec)).rejects.toThrow(/\/bin\/false/);
    expect(await broken.consoleOutput(spec.instanceId)).toContain("engine: failed");
  });
});
