// The layers of the code base. This file is the one place that states them; check-layers.ts enforces it.

/** What each package may import of the others; and which of their entries. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  core: [],
  worker: ["@manyhands/core", "@manyhands/core/child", "@manyhands/core/internal", "@manyhands/core/redis-server"],
  dashboard: ["@manyhands/core", "@manyhands/core/internal", "@manyhands/core/redis-server"],
  cli: [
    "@manyhands/core",
    "@manyhands/core/internal",
    "@manyhands/core/redis-server",
    "@manyhands/worker",
    "@manyhands/dashboard",
  ],
  testing: [
    "@manyhands/core",
    "@manyhands/core/internal",
    "@manyhands/core/redis-server",
    "@manyhands/core/testing",
    "@manyhands/worker",
  ],
  // A user's view: the public programming interface, nothing inside it.
  examples: ["@manyhands/core"],
};

/**
 * The folders inside a package, and inside a folder of it, lowest first. A file imports from its own folder and from lines
 * above its own, never from its own line's other folders and never from below. Files that lie directly in a folder stand
 * above its parts, except for those that have a line. A package that is not listed has one rule: its folders import one
 * another without a cycle.
 */
export const FOLDERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  core: [
    ["package"],
    ["errors"],
    ["checks", "time", "tracing"],
    ["wire"],
    ["redis"],
    ["tasks"],
    ["session"],
    ["shared"],
    ["work"],
    ["inspection"],
    ["context"],
    ["testing"],
  ],
  "core/wire": [["records"], ["codec"], ["views"]],
  "core/redis": [["keys.ts", "server"], ["connection"], ["script", "task-index"], ["bull-queue"]],
  "core/session": [["lease.ts", "object-kind.ts", "session-script.ts"], ["beat.ts"], ["session.ts"], ["waiting"]],
  "core/shared": [["object"], ["sync"], ["channels"], ["containers"]],
  "core/work": [
    ["registry", "fleet", "rollups", "history", "limits", "task-index", "audit", "server"],
    ["results"],
    ["submission"],
    ["workflows"],
    ["pool", "schedules"],
    ["process"],
  ],
  "core/inspection": [["place.ts"], ["work", "objects", "changes"], ["find", "attention"]],
  worker: [
    ["notes"],
    [
      "log",
      "child",
      "slots",
      "fence",
      "control",
      "duties",
      "task-index",
      "health",
      "heartbeat",
      "metrics",
      "workflows",
    ],
    ["limits"],
    ["executor", "trouble", "routing", "sessions", "watch"],
    ["children", "schedules"],
    ["jobs"],
    ["fetcher"],
    ["queue"],
    ["pools", "processes"],
    ["host"],
  ],
};

/**
 * Replacing a third-party package touches one file of each of ours: no other file imports its values (types are
 * free). The exceptions are named here, as "package of ours, third-party package", with their reason.
 */
export const SEVERAL_DOORS: Readonly<Record<string, string>> = {
  "cli commander": "commands are written in its words, and its errors decide exit codes",
  "core msgpackr": "the codec has its own form; the arguments of BullMQ's scripts have that of BullMQ",
  "dashboard @bull-board/api": "one folder, bull-board, is about it",
  "dashboard hono": "the web framework: routes and markup are written in it",
  "dashboard @hono/node-server": "the server, and the way in which Bull Board's adapter wants its files served",
  "worker bullmq": "queue opens BullMQ's workers; jobs and processes answer them with the error classes that they know",
  "testing vitest": "cleanup registers what ends with a test; worlds defines the same tests for several surroundings",
  "testing ioredis": "a test's own look at Redis must not go through what it tests",
};
