import { expect, it } from "vitest";
import { createSerial } from "./serial.ts";

it("works of one key follow one another, also after a failure; other keys do not wait", async () => {
  const serial = createSerial();
  const order: string[] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const first = serial.run("a", async () => {
    await gate;
    order.push("a1");
    throw new Error("no");
  });
  const second = serial.run("a", async () => order.push("a2"));
  await serial.run("b", async () => order.push("b1"));
  open();
  await expect(first).rejects.toThrow("no");
  await second;
  expect(order).toEqual(["b1", "a1", "a2"]);
});

it("is idle when all work has ended, whatever became of it", async () => {
  const serial = createSerial();
  let done = 0;
  const failed = serial.run("a", async () => Promise.reject(new Error("no")));
  const more = serial.run("b", async () => void serial.run("c", async () => done++));
  await Promise.allSettled([failed, more]);
  await serial.idle();
  expect(done).toBe(1);
});
