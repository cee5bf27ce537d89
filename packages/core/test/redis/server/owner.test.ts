import { existsSync, readFileSync } from "node:fs";
import { processIsAlive, until } from "@manyhands/testing";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { outcome, type StartedFacts, startedFacts, startFixture } from "./owner-process.ts";

async function untilGone({ pid, directory }: StartedFacts): Promise<void> {
  await until(() => !processIsAlive(pid), { what: "the server ends" });
  await until(() => !existsSync(directory), { what: "its folder is removed" });
}

test("the server ends with an owner that is killed", async () => {
  const owner = startFixture("owner", { words: ["stay"] });
  onTestFinished(() => void owner.kill("SIGKILL"));
  const facts = await startedFacts(owner);
  expect(processIsAlive(facts.pid)).toBe(true);

  owner.kill("SIGKILL");

  await untilGone(facts);
});

test("the server ends, by force, with an owner that is killed while the server is stopped in place", async () => {
  const owner = startFixture("owner", { words: ["stay"] });
  onTestFinished(() => void owner.kill("SIGKILL"));
  const facts = await startedFacts(owner);
  process.kill(facts.pid, "SIGSTOP");

  owner.kill("SIGKILL");

  await until(() => !processIsAlive(facts.pid), { what: "the server ends" });
  await untilGone(facts);
});

test("the server does not keep its owner alive, and ends with it", async () => {
  const owner = startFixture("owner", { words: ["leave"] });

  const { code, stdout } = await outcome(owner);

  expect(code).toBe(0);
  await untilGone(JSON.parse(stdout));
});

test("a signal to the owner's process group, as Ctrl+C sends it, does not reach the server", async () => {
  const owner = startFixture("owner", { words: ["stay"] });
  onTestFinished(() => void owner.kill("SIGKILL"));
  const facts = await startedFacts(owner);
  const client = new Redis(facts.url);
  onTestFinished(() => client.disconnect());

  const group = await client.call("PING").then(() => groupOf(facts.pid));

  expect(group).toBe(facts.pid);
  expect(groupOf(owner.pid!)).not.toBe(group);
});

function groupOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[2]);
}
