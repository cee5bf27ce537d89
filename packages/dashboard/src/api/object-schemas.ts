import { z } from "./open-api.ts";
import { Anything, Duration, isCut, Time, ValueView } from "./schemas.ts";

const participant = {
  session: z.string(),
  hostname: z.string().nullable(),
  host: z.string().nullable().openapi({ description: "Worker host whose child it is; null for another program." }),
  pid: z.int().nullable(),
  task: z.object({ name: z.string(), id: z.string() }).nullable(),
  isAlive: z.boolean(),
  since: Time.nullable().openapi({ description: "Since when it waits, or holds; null where that is not kept." }),
};
const Participant = z.object(participant).openapi("Participant");
const Holding = z.object({ ...participant, count: z.int() }).openapi("Holding");

export const ObjectView = z
  .object({
    kind: z.string().openapi({ example: "lock" }),
    name: z.string(),
    named: z.boolean(),
    owner: Participant.nullable(),
    manager: z.string().nullable(),
    createdAt: Time,
    summary: z.string().openapi({ description: "A few words for a table." }),
    holders: z.array(Holding),
    waiters: z.array(Participant).openapi({ description: "In the order in which they came." }),
    waitsFor: z.enum(["all", "any", "unknown"]),
    leaseLeft: Duration.nullable(),
    lease: Duration.nullable().openapi({ description: "As it was last renewed, at a third of it; null before that." }),
    state: Anything,
    isCut,
  })
  .openapi("SharedObject");

export const ObjectPage = z
  .object({
    objects: z.array(ObjectView),
    total: z.int().openapi({ description: "Objects that the query means, in all." }),
    counts: z.record(z.string(), z.int()).openapi({ description: "Of each kind, whatever kind is asked for." }),
    cursor: z.string().optional().openapi({ description: "Begins the next page; absent on the last one." }),
    isCut,
  })
  .openapi("SharedObjectPage");

export const ObjectContents = z
  .object({
    entries: z.array(
      z.object({
        key: Anything.optional().openapi({ description: "Of a dict or a namespace." }),
        index: z.int().optional().openapi({ description: "Of a list, an array, a queue or a pipe." }),
        value: Anything.optional().openapi({ description: "Absent when `fault` says why." }),
        node: ValueView.optional().openapi({ description: "With `values=typed`, in place of `value`." }),
        priority: z.int().optional().openapi({ description: "Of an item of a queue; 0 without it." }),
        unique: z.string().optional().openapi({ description: "Unique key of an item of a queue." }),
        dueAt: Time.optional().openapi({
          description: "When an item of a queue that was put with a delay can be taken.",
        }),
        bytes: z.int().openapi({ description: "As it is stored." }),
        fault: z.enum(["large", "unreadable"]).optional(),
      }),
    ),
    total: z.int().openapi({ description: "Entries in all, whatever is searched for." }),
    cursor: z.string().optional(),
    isCut,
    isPartial: z.boolean().optional().openapi({ description: "Only a part was searched so far: go on with `cursor`." }),
  })
  .openapi("SharedObjectContents");

const Node = z.string().openapi({ description: "`id` of a participant." });
const ObjectId = z.string().openapi({ description: "`<kind>/<name>`", example: "lock/ledger" });

export const WaitGraph = z
  .object({
    participants: z.array(z.object({ id: z.string(), ...participant })),
    objects: z.array(
      z.object({
        id: ObjectId,
        kind: z.string(),
        name: z.string(),
        summary: z.string(),
        waitsFor: z.enum(["all", "any", "unknown"]),
        leaseLeft: Duration.nullable(),
        waiting: z.int(),
        more: z.int().openapi({ description: "Waits for it that are not in `waits`." }),
      }),
    ),
    waits: z.array(
      z.object({
        participant: Node,
        object: ObjectId,
        place: z.int().openapi({ description: "In the line, from 1." }),
        since: Time.nullable(),
      }),
    ),
    holds: z.array(z.object({ object: ObjectId, participant: Node, count: z.int(), since: Time.nullable() })),
    deadlocks: z.array(
      z.object({
        circle: z
          .array(z.object({ participant: Node, object: ObjectId }))
          .openapi({ description: "Each waits for what the next one holds; the last for what the first one holds." }),
        since: Time.nullable(),
        waits: z.int().openapi({ description: "That cannot end before it is broken." }),
        exits: z
          .array(
            z.object({
              participant: Node,
              how: z.enum(["cancel", "release"]).openapi({ description: "`release`: it runs no task." }),
              frees: z.int().openapi({ description: "Waits that end by it, one after the other." }),
              left: z.int().openapi({ description: "Waits that stay, because of another deadlock." }),
              next: z
                .array(z.object({ object: ObjectId, participant: Node.nullable() }))
                .openapi({ description: "What comes free at once, and who gets it." }),
              heldSince: Time.nullable(),
            }),
          )
          .openapi({ description: "Ways out, best first." }),
      }),
    ),
    causes: z
      .array(
        z.object({
          why: z.enum(["runs", "gone", "open"]),
          participant: Node.nullable(),
          object: ObjectId.nullable(),
          waits: z.int(),
          since: Time.nullable(),
        }),
      )
      .openapi({ description: "What waits come from in the end, where there is no deadlock." }),
    alone: z
      .array(z.object({ kind: z.string(), name: z.string(), waiting: z.int(), summary: z.string() }))
      .openapi({ description: "What is waited for and has no holder, such as events." }),
    total: z.int().openapi({ description: "Waits in all." }),
    left: z.int().openapi({ description: "Objects that are left out, because the graph would be too large." }),
  })
  .openapi("WaitGraph");
