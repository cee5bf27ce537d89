import { expect, test } from "vitest";
import { addAwaitSite, markRemote, originOf } from "../../src/errors/index.ts";

const origin = { host: "host-a", pid: 7 };

async function answer(): Promise<never> {
  const error = new Error("far away");
  markRemote(error, "Error: far away\n    at remoteFrame (tasks.ts:1:1)", origin);
  await Promise.resolve();
  throw error;
}

async function waitsForTheAnswer(): Promise<never> {
  try {
    return await answer();
  } catch (error) {
    addAwaitSite(error);
    throw error;
  }
}

async function programOfTheUser(): Promise<Error> {
  return await waitsForTheAnswer().catch((error: unknown) => error as Error);
}

test("the stack shows the remote stack, where it was thrown, and who awaited it here", async () => {
  const error = await programOfTheUser();
  const lines = error.stack?.split("\n") ?? [];
  expect(lines.slice(0, 3)).toEqual([
    "Error: far away",
    "    at remoteFrame (tasks.ts:1:1)",
    "    --- thrown on host-a, pid 7 ---",
  ]);
  expect(lines.slice(3).join("\n")).toContain("waitsForTheAnswer");
  expect(originOf(error)).toEqual(origin);
  // Facts about the error are not its data.
  expect(Object.keys(error)).toEqual([]);
});

test("the first who awaits an error is shown, errors of this process are left alone", async () => {
  const error = await programOfTheUser();
  const { stack } = error;
  addAwaitSite(error);
  expect(error.stack).toBe(stack);

  const local = new Error("here");
  const before = local.stack;
  addAwaitSite(local);
  addAwaitSite(undefined);
  expect(local.stack).toBe(before);
});
