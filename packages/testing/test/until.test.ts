import { spawn } from "node:child_process";
import { once } from "node:events";
import { childPids, processIsAlive, until } from "@manyhands/testing";
import { expect, test } from "vitest";

test("until returns the first truthy value", async () => {
  const values = [0, "", "there"];
  expect(await until(() => values.shift())).toBe("there");
});

test("until says what did not happen, and the last value or error", async () => {
  await expect(until(() => 0, { timeout: 30, what: "the moon is blue" })).rejects.toThrow(
    "did not happen within 30 ms: the moon is blue; the last value was 0",
  );
  const failing = () => Promise.reject(new Error("still red"));
  await expect(until(failing, { timeout: 30, what: "the moon is blue" })).rejects.toThrow("it threw still red");
});

test("childPids sees living children only", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  expect(childPids(process.pid)).toContain(child.pid);
  expect(processIsAlive(child.pid!)).toBe(true);

  child.kill("SIGKILL");
  await once(child, "exit");

  expect(childPids(process.pid)).not.toContain(child.pid);
  expect(processIsAlive(child.pid!)).toBe(false);
});
