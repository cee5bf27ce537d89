import type { Milliseconds } from "../../time/index.ts";

/** `now`: work stands still or fails; `soon`: it can wait until the morning, or may be meant so. */
export type FindingLevel = "now" | "soon";

/** A host by what it is shown and asked for with. */
export interface NamedHost {
  id: string;
  name: string;
}

/** A lock, or another object that is held. */
export interface NamedObject {
  kind: string;
  name: string;
}

/** Who holds or waits: a task, or a program outside tasks. */
export interface Actor {
  session: string;
  /** Name of the worker host, or of the machine. */
  host: string | null;
  pid: number | null;
  task: { name: string; id: string } | null;
}

/** One task of a failure group, or of several with the same name. */
export interface FailingTask {
  task: string;
  pools: string[];
  /** Of the last hour. */
  failed: number;
  ended: number;
  /** Of the hour before. */
  failedBefore: number;
  endedBefore: number;
  /** Group of errors, the largest of the task, and its error. */
  group: string;
  error: { name: string; message: string };
  /** Where the errors were of late. */
  hosts: string[];
  /** The only one of them, though other live hosts know the task. */
  onlyHost: string | null;
}

/** What is found, as facts: who shows them makes the sentence. */
export type FindingFacts =
  | { kind: "no-host"; waiting: number }
  | { kind: "host-deaf" | "host-quiet"; host: NamedHost }
  /** `running`: tasks that it still has to end. */
  | { kind: "host-draining"; host: NamedHost; running: number; canResume: boolean }
  | { kind: "host-trouble"; host: NamedHost; pool: string | null; reason: string; takesWork: boolean }
  | { kind: "host-clock"; host: NamedHost; difference: Milliseconds }
  | { kind: "host-lost"; host: NamedHost; running: number }
  | { kind: "host-names"; name: string; hosts: NamedHost[] }
  | { kind: "pool-failed"; pool: string; failure: string }
  | { kind: "pool-terminated"; pool: string }
  | { kind: "pool-size"; pool: string; size: number | null; inForce: number | null }
  | { kind: "pool-paused"; pool: string; waiting: number }
  /** `knowing`: hosts that know the next task, or serve the pool, and do not take it. */
  | { kind: "pool-unserved"; pool: string; waiting: number; task: string | null; knowing: KnowingHost[] }
  | { kind: "task-unserved"; pool: string; task: string; waiting: number; knowing: KnowingHost[] }
  | { kind: "pool-full"; pool: string; size: number; waiting: number; perMinute: number | null }
  | { kind: "pool-stuck"; pool: string; waiting: number; free: number }
  | { kind: "queue-grows"; pool: string; waiting: number; submitted: number; ended: number; minutes: number }
  | {
      kind: "deadlock";
      waits: { waiter: Actor; object: NamedObject; holder: Actor }[];
      behind: number;
      pools: string[];
    }
  /** `usual`: how long a lock was held of late; null where that is not known. */
  | {
      kind: "lock-held";
      object: NamedObject;
      holder: Actor;
      waiters: number;
      pools: string[];
      usual: Milliseconds | null;
    }
  /** Programs, children or hosts that have ended, and of which nothing releases what they held. */
  | { kind: "sessions-left"; count: number }
  | ({ kind: "task-fails" } & FailingTask)
  /** `schedule`: the one that is late for longest, of `count`. */
  | { kind: "schedule-late"; schedule: string; count: number }
  | { kind: "dead-letters"; count: number; pool: string | null }
  | { kind: "redis-memory"; used: number; limit: number }
  | { kind: "redis-eviction"; policy: string }
  | { kind: "redis-persistence" }
  | { kind: "redis-save-failed" };

/** A host that knows a task, and why it does not take it. */
export interface KnowingHost extends NamedHost {
  state: string;
}

export type FindingKind = FindingFacts["kind"];

/** Something that needs a person: one cause is one finding. */
export type AttentionFinding = FindingFacts & {
  level: FindingLevel;
  /** Epoch ms of the server; null = it is not known. */
  since: number | null;
};

/** The finding of one kind. */
export type FindingOf<Kind extends FindingKind> = Extract<AttentionFinding, { kind: Kind }>;
