// Real hosts out of this machine: the common suite, then what only real engines, containers and a real file system can show.
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { computeSuite } from "../compute.suite.ts";
import { systemClock } from "#lib/clock.ts";
import { createCgroups, hierarchiesOf } from "./cgroups.ts";
import { readMounts, unmountBelow } from "./mounts.ts";
import { createTestMachine, leftovers, type StubSight } from "./machine.suite.ts";

computeSuite("netns", async () => createTestMachine("s"));

describe("a host made out of this machine", () => {
  let machine: ReturnType<typeof createTestMachine>;
  beforeEach(() => {
    machine = createTestMachine("h", "runit");
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
      ESTIBA_HOST_ROOT: join(machine.hosts, spec.instanceId, "root"),
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

  it("confines containers to the instance type's memory", async () => {
    const spec = machine.spec(1, { memoryMiB: 512 });
    await machine.provider.launch(spec);
    const engine = machine.engine(spec);
    await engine.loadBusybox();
    const id = await engine.run("greedy", ["tail", "/dev/zero"]);
    const ended = JSON.parse(await engine.call("POST", `/containers/${id}/wait`)) as { StatusCode: number };
    expect(ended.StatusCode).toBe(137);
    expect((await machine.supervisor.state(`engine-${spec.instanceId}`))?.running).toBe(true);
  });

  it("confines containers to the instance type's processors", async () => {
    const spec = machine.spec(1, { vcpus: 0.25 });
    await machine.provider.launch(spec);
    const engine = machine.engine(spec);
    await engine.loadBusybox();
    const spin = "busybox timeout 2 sh -c 'while :; do :; done'";
    const [began, before] = [performance.now(), machine.cpuSeconds(spec)];
    const id = await engine.run("busy", ["sh", "-c", `${spin} & ${spin}; wait`]);
    await engine.call("POST", `/containers/${id}/wait`);
    const processors = (machine.cpuSeconds(spec) - before) / ((performance.now() - began) / 1000);
    expect(processors).toBeGreaterThan(0.05);
    expect(processors).toBeLessThan(0.35);
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

  it("stays a host when its agent was refused for good, and does not start that agent again", async () => {
    const spec = machine.spec(1);
    const bundle = join(machine.folder, "refused.mjs");
    writeFileSync(bundle, 'console.log("not registered"); process.exit(5);');
    const provider = machine.newProvider({ agent: { node: process.execPath, bundle } });
    await provider.launch(spec);
    const ended = () => machine.supervisor.state(`agent-${spec.instanceId}`);
    await eventually(async () =>
      expect(await ended()).toMatchObject({ running: false, terminalExitCode: 5 }),
    );
    await provider.launch(spec);
    expect(await ended()).toMatchObject({ running: false, terminalExitCode: 5 });
    expect((await provider.consoleOutput(spec.instanceId)).match(/agent: not registered/g)).toHaveLength(1);
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

  it("comes back after the machine was started anew, without running user data again", async () => {
    const spec = machine.spec(1, { userData: "#!/bin/sh\necho once >> /root/log\n" });
    await machine.provider.launch(spec);
    await machine.engine(spec).loadBusybox();
    const id = await machine.engine(spec).run("lost", ["sleep", "3600"]);
    for (const name of await machine.supervisor.list()) await machine.supervisor.remove(name);
    const groups = createCgroups(hierarchiesOf(await readMounts()), systemClock);
    await groups.kill(`/estiba/${machine.scope}`);
    await unmountBelow(machine.folder);
    await eventually(() => groups.remove(`/estiba/${machine.scope}`));
    await machine.network.detachHost(spec.instanceId);
    expect(leftovers(machine)).toEqual([]);

    await machine.newProvider().launch(spec);
    expect((await machine.engine(spec).inspect(id)).State.Running).toBe(false);
    expect(readFileSync(machine.hostFile(spec, "root/log"), "utf8")).toBe("once\n");
    expect((await machine.supervisor.state(`agent-${spec.instanceId}`))?.running).toBe(true);
  });

  it("tells why a host cannot be launched, in the error and on its console", async () => {
    const spec = machine.spec(1);
    const bundle = join(machine.folder, "none.mjs");
    const agentless = machine.newProvider({ agent: { node: process.execPath, bundle } });
    await expect(agentless.launch(spec)).rejects.toThrow(
      `${bundle}, which each host's agent needs, does not exist.`,
    );
    await machine.provider.terminate(spec.instanceId);
    const broken = machine.newProvider({ dockerdPath: "/bin/false" });
    await expect(broken.launch(spec)).rejects.toThrow(/\/bin\/false/);
    expect(await broken.consoleOutput(spec.instanceId)).toContain("engine: failed");
  });
});
