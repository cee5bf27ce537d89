import { connect } from "@manyhands/core";
import { startHostProcess, until, useRedis } from "@manyhands/testing";
import { expect, onTestFinished, test } from "vitest";
import { TASKS, useCommands } from "./command-line.ts";
import { gate } from "./look.ts";

const redis = useRedis();
const run = useCommands();

test("process ls, show, terminate and kill", async () => {
  // given
  const place = { redis: redis.url, namespace: redis.namespace() };
  const file = gate();
  await startHostProcess({
    url: redis.url,
    namespace: place.namespace,
    tasks: [TASKS],
    slots: 1,
    arguments: ["--name", "web-1"],
  });
  const mp = await connect(place);
  onTestFinished(() => mp.close({ timeout: 1_000 }));
  const [first, second] = [
    mp.process("until-file", { args: [file.path], name: "one" }),
    mp.process("until-file", { args: [file.path], name: "two", daemon: true }),
  ];
  await Promise.all([first.start(), second.start()]);
  await Promise.all([first.started(), second.started()]);

  // then
  const listed = await run(["process", "ls"], place);
  expect(listed.stdout).toMatch(new RegExp(`^\\S+ +one +running +web-1 +${first.pid} +no +until-file`, "m"));
  const shown = await run(["process", "show", "two", "-o", "json"], place);
  expect(JSON.parse(shown.stdout)).toMatchObject({ name: "two", state: "running", daemon: true, pid: second.pid });

  const host = await run(["host", "show", "web-1"], place);
  expect(host.stdout).toMatch(/^running +process (one|two) /m);
  for (const { name, pid } of [first, second]) {
    expect(host.stdout).toMatch(new RegExp(`process ${name} \\S+ \\(until-file, pid ${pid}, `));
  }
  expect(host.stdout).toMatch(/^processes +2 of 128$/m);

  const asked = await run(["process", "terminate", "one"], place);
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringMatching(/this would terminate:\n.*"one".*\nadd -y/) });
  expect(first.isAlive()).toBe(true);

  expect(await run(["process", "terminate", "one", "-y"], place)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("is being terminated by its host"),
  });
  expect(await run(["process", "kill", "two", "-y"], place)).toMatchObject({ code: 0 });
  await Promise.all([first.join(), second.join()]);
  expect([first.exitcode, second.exitcode]).toEqual([-15, -9]);

  expect((await run(["process", "ls"], place)).stderr).toContain("no process waits or runs");
  expect((await run(["process", "ls", "--ended"], place)).stdout).toMatch(/one +exit -15 .*\n?/);
  expect(await run(["process", "show", "three"], place)).toMatchObject({ code: 4 });
  await until(async () => (await mp.hosts())[0]?.processes?.running === 0);
});
