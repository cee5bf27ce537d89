import type { Finding } from "../../../src/api/types.ts";

/** Numbers and lists as they are written: sentences are the same in all forms of the page. */
export interface Say {
  count: (value: number) => string;
  bytes: (value: number) => string;
  percent: (share: number) => string;
  duration: (ms: number) => string;
}

export type FindingKind = Finding["kind"];
export type FindingOf<Kind extends FindingKind> = Extract<Finding, { kind: Kind }>;

/** A sentence; `{pool}` and the like are places of links. */
type Sentence<Kind extends FindingKind> = (finding: FindingOf<Kind>, say: Say) => string;

export interface FindingWords {
  what: { [Kind in FindingKind]: Sentence<Kind> };
  why: { [Kind in FindingKind]: Sentence<Kind> };
  verdict: (now: number) => string;
  calm: string;
  well: string;
  away: string;
  lead: (counts: { now: number; soon: number }) => string;
  answers: (latency: string, hosts: number) => string;
  awayLead: (ago: string, counts: { now: number; soon: number }) => string;
  more: (findings: number) => string;
  attention: string;
  level: { now: string; soon: string };
  nobody: string;
  actions: {
    cancelAndRetry: (task: string) => string;
    release: string;
    pause: (pool: string) => string;
    resume: (pool: string) => string;
    reset: (pool: string) => string;
    remove: (pool: string) => string;
    resumeHost: (host: string) => string;
    stopDrain: string;
    startHost: string;
    seeFailure: string;
    seeTasks: string;
    seeObject: string;
    seeHost: string;
    seePool: string;
    seeWaits: string;
    seeSchedules: string;
    seeDeadLetters: string;
    seeRedis: string;
  };
  ask: {
    cancelAndRetry: (task: string, id: string) => string;
    cancelFacts: (host: string | null) => readonly string[];
    cancelKeep: string;
    cancelGo: string;
    cancelled: (task: string) => string;
    release: (object: string) => string;
    releaseFacts: readonly string[];
    releaseKeep: string;
    releaseGo: string;
    released: (object: string) => string;
    pause: (pool: string) => string;
    pauseFacts: readonly string[];
    pauseKeep: string;
    pauseGo: (pool: string) => string;
    paused: (pool: string) => string;
    resumed: (pool: string) => string;
    reset: (pool: string) => string;
    remove: (pool: string) => string;
    removeFacts: readonly string[];
    removeKeep: string;
    removed: (pool: string) => string;
    hostResumed: (host: string) => string;
    drainStopped: (host: string) => string;
    startHost: string;
    startHostFacts: string;
  };
}
