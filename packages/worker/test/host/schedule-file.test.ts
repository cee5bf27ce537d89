import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { connect, type ScheduleView } from "@manyhands/core";
import { readAudit } from "@manyhands/core/internal";
import { temporaryFolder, until, useRedis } from "@manyhands/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { readFileOfSchedules } from "../../src/schedules/read-schedule-file.ts";
import { TestNamespace } from "./namespace.ts";

const redis = useRedis();

/** A namespace, and files of schedules in folders of packages. */
async function open() {
  const space = new TestNamespace(redis);
  const mp = await connect({ redis: redis.url, namespace: space.name });
  onTestFinished(() => mp.close());
  const file = (text: string, name = "shop"): string => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, type: "module" }));
    const path = join(folder, "manyhands.schedules.ts");
    writeFileSync(path, text);
    return path;
  };
  const list = async (): Promise<string[]> =>
    (await mp.schedules.list()).map(({ name, args, file: of }) => `${name} ${JSON.stringify(args)} ${of ?? "by hand"}`);
  const view = async (name: string): Promise<ScheduleView | null> => mp.schedules.get(name);
  return { space, mp, file, list, view };
}

const TWO = `export default {
  nightly: { task: "square", args: [7], cron: "0 3 * * *", timeZone: "Europe/Berlin", tags: ["n"] },
  poll: { task: "square", args: [1], every: 3_600_000, until: Date.UTC(2020, 0) },
};`;

test("a file of schedules sets those that it names, and removes its own that it names no longer", async () => {
  const { space, mp, file, list, view } = await open();
  await mp.schedules.set("hand", "square", [3], { every: 3_600_000 });
  await mp.schedules.set("nightly", "square", [0], { every: 3_600_000 });
  const path = file(TWO);

  const host = await space.host({ schedules: path });

  expect(await list()).toEqual([
    "hand [3] by hand",
    "nightly [7] shop/manyhands.schedules",
    "poll [1] shop/manyhands.schedules",
  ]);
  // Its end is over by now.
  expect(await view("poll")).toMatchObject({ state: "ended" });
  expect(space.logs.join("\n")).toContain('schedules of "shop/manyhands.schedules": nightly, poll set');
  const before = await view("nightly");
  await host.stop();

  // Another host with the same file changes nothing; one that was paused stays so.
  await mp.schedules.pause("nightly");
  const second = await space.host({ schedules: file(TWO) });
  expect(await view("nightly")).toMatchObject({ changedAt: before?.changedAt, state: "paused" });
  await second.stop();

  await space.host({
    schedules: file(`export default { nightly: { task: "square", args: [8], cron: "@daily" } };`),
    name: "third",
  });
  expect(await list()).toEqual(["hand [3] by hand", "nightly [8] shop/manyhands.schedules"]);
  expect(space.logs.join("\n")).toContain("poll removed, which the file names no longer");
  const { entries } = await readAudit(space.client, space.keys, { what: "schedule" });
  const noted = entries.map(({ action, target, details, outcome }) => [action, target, details, outcome]);
  const details = "file shop/manyhands.schedules";
  expect(noted).toEqual([
    ["schedule.remove", "poll", details, "done"],
    ["schedule.set", "nightly", details, "done"],
    ["schedule.set", "poll", details, "done"],
    ["schedule.set", "nightly", details, "done"],
  ]);
  expect(entries[0]?.actor).toEqual({ name: "third", via: "host", role: null, address: null });
});

test("of two versions the one that came last wins, and an earlier one comes back when no host has that any more", async () => {
  const { space, list, file } = await open();
  const version = (value: number) =>
    file(`export default { one: { task: "square", args: [${value}], every: 60_000 } };`);
  const [old, newer] = [version(1), version(2)];
  await space.host({ schedules: old });
  await space.host({ schedules: newer, name: "newer" });
  expect(await list()).toEqual(["one [2] shop/manyhands.schedules"]);

  await space.host({ schedules: old });
  expect(await list()).toEqual(["one [2] shop/manyhands.schedules"]);
  expect(space.logs.join("\n")).toMatch(
    /host "newer" brought another version at .* which is in force; the earlier one/,
  );

  // As if no host had had the newer one for more than a minute.
  await space.client.hincrby(space.keys.scheduleFile("shop/manyhands.schedules"), "seen", -61_000);
  await space.host({ schedules: old });
  expect(await list()).toEqual(["one [1] shop/manyhands.schedules"]);
}, 300_000);

test("two files that set the same name do not take it from each other", async () => {
  const { space, list, file } = await open();
  const one = `export default { one: { task: "square", args: [1], every: 60_000 } };`;
  const both = `export default { one: { task: "square", args: [2], every: 60_000 }, two: { task: "square", every: 60_000, args: [2] } };`;
  await space.host({ schedules: file(one, "first") });
  await space.host({ schedules: file(both, "second") });
  expect(await list()).toEqual(["one [1] first/manyhands.schedules", "two [2] second/manyhands.schedules"]);
  expect(space.logs.join("\n")).toContain("one left out: another file that hosts have sets the same name");
});

test("with watch the file is read again when it changes, and a mistake leaves the schedules as they are", async () => {
  const { space, file, list } = await open();
  const path = file(TWO);
  await space.host({ schedules: path, watch: true });
  writeFileSync(path, `export default { nightly: { task: "square", args: [9], cron: "61 3 * * *" } };`);
  await until(() => space.logs.some((line) => line.startsWith("error: ")));
  expect(space.logs.join("\n")).toMatch(/its schedules stay: schedule "nightly": cron: the minute is a number/);
  expect(await list()).toHaveLength(2);
  writeFileSync(path, `export default { nightly: { task: "square", args: [10], cron: "1 3 * * *" } };`);
  await until(async () => (await list()).join() === "nightly [10] shop/manyhands.schedules");
});

describe("a host does not start with a wrong file, and says which entry is wrong", () => {
  const cases: [text: string, message: RegExp][] = [
    [`export default { a: { task: "square", cron: "0 0 31 2 *" } };`, /schedule "a": cron "0 0 31 2 \*" is never due/],
    [
      `export default { a: { task: "square", every: 60_000 }, b: { task: "square" } };`,
      /schedule "b": .*either cron or every/,
    ],
    [`export default { "a b": { task: "square", every: 60_000 } };`, /schedule "a b": a schedule's name is/],
    [`export default { a: { task: 7, every: 60_000 } };`, /schedule "a": expected a task/],
    [
      `export default { a: { task: "square", args: 7, every: 60_000 } };`,
      /schedule "a": the arguments of task "square" are a list/,
    ],
    [`export default { a: { task: "square", crom: "@daily", every: 60_000 } };`, /schedule "a": .*crom/],
    [`export default { a: { task: "square", cron: "@daily", timeZone: "Mars" } };`, /schedule "a": timeZone must be/],
    [
      `export default { a: { task: "square", every: 1000, from: 2000, until: 1000 } };`,
      /schedule "a": until must not be/,
    ],
    [`export default { a: 7 };`, /schedule "a": it must be an object with a task/],
    ["export default [];", /schedules are an object, such as .* got/],
    ["export const a = 1;", /it has no default export: export default defineSchedules/],
    ["throw new Error('no settings');", /Error: no settings \(at .*manyhands\.schedules\.ts:1/],
    ["process.exit(3);", /it ended the program with exit code 3 while it was loaded/],
  ];
  test("all of them", async () => {
    const { space, mp, file } = await open();
    // One after another: a thread each at once takes longer on a busy machine than a file may take.
    for (const [text, message] of cases) {
      const url = pathToFileURL(file(text)).href;
      const found = await readFileOfSchedules({ url, maxPayload: 1_000 }, []);
      expect("error" in found ? found.error : "none", text).toMatch(message);
    }
    const path = file(cases[0]?.[0] ?? "");
    await expect(space.host({ schedules: path })).rejects.toThrow(`schedules: ${path}: schedule "a": cron`);
    const none = space.host({ schedules: "/nowhere/x.ts" });
    await expect(none).rejects.toThrow(/schedules: there is no file \/nowhere\/x.ts/);
    await expect(space.host({ schedules: 7 as never })).rejects.toThrow(/schedules must be the path .* got 7/);
    expect(await mp.schedules.list()).toEqual([]);
  }, 300_000);
});
