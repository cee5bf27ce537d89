import { expect, test } from "vitest";
import type { LockNode } from "../../../src/shared/sync/lock/lock-node.ts";
import type { LockPlace } from "../../../src/shared/sync/lock/lock-request.ts";
import { OneTryRedlock } from "../../../src/shared/sync/lock/one-try-redlock.ts";
import { Round } from "../../../src/shared/sync/lock/round.ts";

const PLACE: LockPlace = { kind: "lock", name: "stock", owner: "", keys: [] };

/** A node that votes as it is told and notes what it is asked. */
function nodeThat(votes: boolean | Error): { node: LockNode; asked: string[] } {
  const asked: string[] = [];
  const vote = (method: string) => async (_: Round, token: string) => {
    asked.push(`${method} ${token}`);
    if (votes instanceof Error) throw votes;
    return votes;
  };
  const node = { acquire: vote("acquire"), extend: vote("extend"), release: vote("release") } as unknown as LockNode;
  return { node, asked };
}

test("the vote of a single node is the majority, and it is asked before the call returns", async () => {
  const { node, asked } = nodeThat(true);
  const redlock = new OneTryRedlock([node]);
  const acquired = redlock.acquire(new Round(PLACE), "me:1", 1_000);
  expect(asked).toEqual(["acquire me:1"]);
  expect(await acquired).toBe(true);
  expect(await redlock.extend(new Round(PLACE), "me:1", 1_000)).toBe(true);
  expect(await redlock.release(new Round(PLACE), "me:1")).toBe(true);
  expect(asked).toEqual(["acquire me:1", "extend me:1", "release me:1"]);
});

test("a node that cannot answer has not voted: the round says why, and the token is released", async () => {
  const { node, asked } = nodeThat(new Error("away"));
  const round = new Round(PLACE);
  expect(await new OneTryRedlock([node]).acquire(round, "me:1", 1_000)).toBe(false);
  expect(round.failures[0]).toEqual(new Error("away"));
  expect(asked).toEqual(["acquire me:1", "release me:1"]);
});

test.each([
  { votes: [true, true, false], granted: true, released: false },
  { votes: [true, false, new Error("away")], granted: false, released: true },
])("of three nodes the majority decides: $votes", async ({ votes, granted, released }) => {
  const nodes = votes.map(nodeThat);
  const redlock = new OneTryRedlock(nodes.map(({ node }) => node));
  expect(await redlock.acquire(new Round(PLACE), "me:1", 1_000)).toBe(granted);
  for (const { asked } of nodes) expect(asked.includes("release me:1")).toBe(released);
});
