import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { createStateFolder } from "./state-file.ts";
import type { StateStore } from "./state-store.ts";
import { Walk, wireContainer } from "./task/fixture.suite.ts";
import { newTask, settled } from "./task/state.ts";

let directory: string;
let store: StateStore;
const reopen = () => createStateFolder(directory, silentLogger).load();

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "estiba-agent-state-"));
  store = createStateFolder(directory, silentLogger);
  expect(await store.load()).toEqual({ instance: undefined, tasks: [] });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const record = { containerInstanceArn: "arn:i", cluster: "main", manifestNumber: 7 };
const newWalk = (id: string) => new Walk([wireContainer("web")], { arn: `arn:aws:ecs:r:a:task/main/${id}` });

describe("the agent's state folder", () => {
  it("gives back what was saved", async () => {
    const walk = newWalk("t1");
    walk.begin();
    walk.running("web");
    await store.saveInstance(record);
    await store.saveTask(walk.state);
    expect(await reopen()).toEqual({ instance: record, tasks: [walk.state] });
    await store.removeTask(walk.state.task.arn);
    expect((await reopen()).tasks).toEqual([]);
  });

  it("keeps nothing that was only under way", async () => {
    const walk = newWalk("t1");
    walk.begin();
    expect(walk.container("web").action).toBe("pull");
    await store.saveTask(walk.state);
    expect((await reopen()).tasks).toEqual([settled(walk.state)]);
    expect((await reopen()).tasks[0]?.containers[0]).not.toHaveProperty("action");
  });

  it("holds no credentials, and no one else may read it", async () => {
    const task = {
      ...newWalk("t1").state.task,
      roleCredentials: {
        credentialsId: "c1",
        roleArn: "r",
        accessKeyId: "AKIASECRET",
        secretAccessKey: "topsecret",
        sessionToken: "token",
        expiration: "",
      },
    };
    const state = newTask(task, []);
    await store.saveTask(state);
    const file = join(directory, "tasks", "t1.json");
    expect(readFileSync(file, "utf8")).toContain('"credentialsId":"c1"');
    expect(readFileSync(file, "utf8")).not.toMatch(/topsecret|AKIASECRET|"token"/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("writes the newest of many changes last, and each promise waits for what it was given", async () => {
    const walk = newWalk("t1");
    const saves: Promise<void>[] = [];
    for (let restartCount = 0; restartCount < 50; restartCount++) {
      const [web] = walk.state.containers;
      if (web !== undefined) walk.state = { ...walk.state, containers: [{ ...web, restartCount }] };
      saves.push(store.saveTask(walk.state));
    }
    await saves[0];
    expect(existsSync(join(directory, "tasks", "t1.json"))).toBe(true);
    await Promise.all(saves);
    expect((await reopen()).tasks[0]?.containers[0]?.restartCount).toBe(49);
    const last = store.saveTask(walk.state);
    const removed = store.removeTask(walk.state.task.arn);
    await Promise.all([last, removed]);
    expect((await reopen()).tasks).toEqual([]);
  });

  it("throws away a half-written file and goes on without one that is broken", async () => {
    await store.saveTask(newWalk("good").state);
    writeFileSync(join(directory, "tasks", "half.json.partial"), "{");
    writeFileSync(join(directory, "tasks", "bad.json"), "{");
    expect((await reopen()).tasks).toHaveLength(1);
    expect(readdirSync(join(directory, "tasks")).sort()).toEqual(["bad.json", "good.json"]);
  });

  it("rejects when it cannot write, and writes again when it can", async () => {
    rmSync(directory, { recursive: true });
    await expect(store.saveTask(newWalk("t1").state)).rejects.toThrow("ENOENT");
    await store.load();
    await store.saveTask(newWalk("t1").state);
    expect((await reopen()).tasks).toHaveLength(1);
  });

  it("forgets everything when the host is another one", async () => {
    await store.saveInstance(record);
    await store.saveTask(newWalk("t1").state);
    await store.clear();
    expect(await reopen()).toEqual({ instance: undefined, tasks: [] });
  });
});
