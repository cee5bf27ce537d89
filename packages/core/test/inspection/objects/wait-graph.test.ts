import { expect, test } from "vitest";
import { type ObjectView, waitGraph } from "../../../src/inspection/objects/index.ts";
import type { Holding } from "../../../src/shared/object/index.ts";

/** `A` is a program; `A:t` its task t; `@5` since when it holds or waits. A dead one ends with "!". */
function participant(text: string): Holding {
  const [, name = "", since] = /^([^@!]+)!?(?:@(\d+))?!?$/.exec(text) ?? [];
  const [session = "", task] = name.split(":");
  return {
    ...{ session, isAlive: !text.includes("!"), hostname: "m", host: null, pid: 1, count: 1 },
    since: since === undefined ? null : Number(since),
    task: task ? { name: "work", id: task } : null,
  };
}

interface Facts extends Partial<Pick<ObjectView, "kind" | "waitsFor">> {
  holders?: string[];
  waiters?: string[];
}

function object(name: string, { kind = "lock", waitsFor = "all", holders = [], waiters = [] }: Facts): ObjectView {
  return {
    ...{ kind, name, named: true, owner: null, manager: null, waitsFor },
    ...{ createdAt: 0, summary: "held", leaseLeft: null, lease: null, state: null },
    ...{ holders: holders.map(participant), waiters: waiters.map(participant) },
  };
}

test("objects without a living waiter are left out", () => {
  const graph = waitGraph([object("a", { holders: ["A"] }), object("b", { holders: ["A"], waiters: ["B!"] })]);
  expect(graph).toMatchObject({ participants: [], objects: [], waits: [], holds: [], causes: [], total: 0 });
});

test("a chain of three names who waits in which place, and the cause at its end", () => {
  const graph = waitGraph([
    object("ledger", { holders: ["A:1@5"], waiters: ["B:2@10", "C:3@20"] }),
    object("stock", { holders: ["D@1"], waiters: ["A:1@7"] }),
  ]);
  expect(graph.waits).toEqual([
    { participant: "B|2", object: "lock/ledger", place: 1, since: 10 },
    { participant: "C|3", object: "lock/ledger", place: 2, since: 20 },
    { participant: "A|1", object: "lock/stock", place: 1, since: 7 },
  ]);
  expect(graph.holds.map(({ object: of, participant: by, since }) => [of, by, since])).toEqual([
    ["lock/ledger", "A|1", 5],
    ["lock/stock", "D|", 1],
  ]);
  expect(graph.causes).toEqual([{ why: "runs", participant: "D|", object: "lock/stock", waits: 3, since: 7 }]);
  expect(graph).toMatchObject({ deadlocks: [], total: 3, left: 0 });
});

test("a deadlock says since when, how much waits behind it, and what each way out frees", () => {
  // given: b27d has lyon and wants berlin, 8f3c the other way round; the ledger waits for lyon, a count for berlin
  const graph = waitGraph([
    object("lyon", { holders: ["B:b27d@30"], waiters: ["A:8f3c@40", "L:close@50"] }),
    object("berlin", { holders: ["A:8f3c@28"], waiters: ["B:b27d@41", "C:count@60"] }),
    object("ledger", { holders: ["L:close@20"], waiters: ["P@70", "Q:p03@80"] }),
  ]);
  const [deadlock] = graph.deadlocks;
  expect(graph.deadlocks).toHaveLength(1);
  expect(deadlock).toMatchObject({ since: 41, waits: 6 });
  expect(deadlock?.circle).toEqual([
    { participant: "A|8f3c", object: "lock/lyon" },
    { participant: "B|b27d", object: "lock/berlin" },
  ]);
  // Both free as much; the younger one is first.
  expect(deadlock?.exits).toEqual([
    {
      ...{ participant: "B|b27d", how: "cancel", frees: 5, left: 0, heldSince: 30 },
      next: [{ object: "lock/lyon", participant: "A|8f3c" }],
    },
    {
      ...{ participant: "A|8f3c", how: "cancel", frees: 5, left: 0, heldSince: 28 },
      next: [{ object: "lock/berlin", participant: "B|b27d" }],
    },
  ]);
  expect(graph.causes).toEqual([]);
});

test("a task is the better way out than a program, from which what it holds is taken", () => {
  const graph = waitGraph([
    object("a", { holders: ["A@99"], waiters: ["B:1@3"] }),
    object("b", { holders: ["B:1@1"], waiters: ["A@2"] }),
  ]);
  expect(graph.deadlocks[0]?.exits.map(({ participant: by, how }) => [by, how])).toEqual([
    ["B|1", "cancel"],
    ["A|", "release"],
  ]);
});

test("a way out that leaves another circle closed says so, and comes after one that frees all", () => {
  // given: A waits for what B and C both have; each of them waits for A
  const graph = waitGraph([
    object("door", { kind: "read-write-lock", holders: ["B:b@1", "C:c@2"], waiters: ["A:a@3"] }),
    object("key", { holders: ["A:a@0"], waiters: ["B:b@4", "C:c@5"] }),
  ]);
  const exits = graph.deadlocks.flatMap((deadlock) => deadlock.exits);
  expect(exits[0]).toMatchObject({ participant: "A|a", frees: 2, left: 0 });
  expect(exits).toContainEqual(expect.objectContaining({ participant: "B|b", frees: 0, left: 2 }));
});

test("what any program can bring about is a cause of its own, and stands alone when no holder needs it", () => {
  const graph = waitGraph([
    object("ledger", { holders: ["A:1@5"], waiters: ["B@10"] }),
    object("ready", { kind: "event", waitsFor: "unknown", waiters: ["A:1@6", "C@7"] }),
    object("go", { kind: "event", waitsFor: "unknown", waiters: ["D@8"] }),
    object("jobs", { kind: "queue", waitsFor: "unknown", waiters: ["E@9"] }),
  ]);
  expect(graph.causes).toEqual([{ why: "open", participant: null, object: "event/ready", waits: 1, since: 10 }]);
  expect(graph.objects.map(({ id, waiting, more }) => [id, waiting, more])).toEqual([
    ["event/ready", 2, 1],
    ["lock/ledger", 1, 0],
  ]);
  expect(graph.alone).toEqual([{ kind: "event", name: "go", waiting: 1, summary: "held" }]);
  expect(graph.total).toBe(4);
});

test("who holds it and is gone is a cause that ends with the lease", () => {
  const graph = waitGraph([object("ledger", { holders: ["A:1!"], waiters: ["B@10"] })]);
  expect(graph.causes).toMatchObject([{ why: "gone", participant: "A|1", waits: 1 }]);
  expect(graph.participants).toContainEqual(expect.objectContaining({ id: "A|1", isAlive: false }));
});

test("of very many that wait for one object the first are listed, and those that others wait for", () => {
  const crowd = Array.from({ length: 300 }, (_, index) => `W${index}@${index}`);
  const graph = waitGraph([
    object("ledger", { holders: ["A"], waiters: crowd }),
    object("stock", { holders: ["W250"], waiters: ["X@1"] }),
  ]);
  const ledger = graph.objects.find(({ name }) => name === "ledger");
  expect(ledger).toMatchObject({ waiting: 300, more: 249 });
  expect(graph.waits.filter((wait) => wait.object === "lock/ledger").at(-1)).toMatchObject({ place: 251 });
  expect(graph.total).toBe(301);
  expect(graph.causes).toMatchObject([{ participant: "A|", waits: 301 }]);
});

test("of very many objects those in a deadlock stay", () => {
  const many = Array.from({ length: 400 }, (_, index) => object(`l${index}`, { holders: ["H"], waiters: ["W", "V"] }));
  const graph = waitGraph([
    ...many,
    object("x", { holders: ["A"], waiters: ["B"] }),
    object("y", { holders: ["B"], waiters: ["A"] }),
  ]);
  expect(graph.objects.slice(0, 2).map(({ name }) => name)).toEqual(["x", "y"]);
  expect(graph).toMatchObject({ left: 202, total: 802 });
});
