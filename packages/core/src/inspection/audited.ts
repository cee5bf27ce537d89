import type { AuditedChange, AuditResult, AuditTrail } from "../work/audit/index.ts";
import type { BulkProgress, TaskSelection } from "./find/index.ts";

/** What a method changes, and how it ended, from what it was called with and what it gave. */
interface Audited {
  change: (args: readonly unknown[]) => AuditedChange;
  result?: (answer: unknown) => AuditResult;
  /** It can be for many tasks, in steps. */
  isBulk?: true;
}

/**
 * Makes methods of an object note what they change. Only those of this object: the other ones of its class, and what the methods
 * call of themselves inside of a change, note nothing more.
 */
function audited(object: object, trail: AuditTrail, methods: Readonly<Record<string, Audited>>): void {
  for (const [name, { change, result = resultOf, isBulk }] of Object.entries(methods)) {
    const method = Reflect.get(object, name) as (...args: unknown[]) => Promise<unknown>;
    Object.defineProperty(object, name, {
      configurable: true,
      value: (...args: unknown[]): Promise<unknown> => {
        const progress = isBulk ? followBulk(args) : () => null;
        const make = (): Promise<unknown> => method.apply(object, args);
        return trail.record(change(args), make, { resultOf: result, whenBrokenOff: progress });
      },
    });
  }
}

/** Notes how far an action for many has come; it is broken off, and resumed, by its id. @returns the words for it */
function followBulk(args: unknown[]): () => string | null {
  const [query, options] = args;
  if (typeof query !== "object" || query === null || Array.isArray(query)) return () => null;
  const given = (options ?? {}) as { onProgress?: (progress: BulkProgress) => void };
  let last: BulkProgress | null = null;
  const onProgress = (progress: BulkProgress): void => {
    last = progress;
    given.onProgress?.(progress);
  };
  args[1] = { ...given, onProgress };
  return () => last && `broken off after ${counted(last)}; it can be resumed as ${last.id}`;
}

function counted({ done, refused }: Pick<BulkProgress, "done" | "refused">): string {
  return refused === 0 ? `${done} done` : `${done} done, ${refused} refused`;
}

/** Words of the inspector's answers for what was not changed, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  unknown: "there is no such thing",
  finished: "it has ended",
  ended: "it has ended",
  running: "it runs",
  "not-failed": "it has not failed",
  "not-delayed": "it is not delayed",
  started: "it has started",
};

function resultOf(answer: unknown): AuditResult {
  if (answer === false || answer === null) return { outcome: "refused", result: REFUSED["unknown"] };
  if (typeof answer === "string") return resultOf({ outcome: answer });
  if (typeof answer !== "object") return { outcome: "done" };
  const { outcome, state, done, refused = 0 } = answer as Record<string, unknown> & { refused?: number };
  if (typeof done === "number") return { outcome: "done", result: counted({ done, refused }) };
  if (typeof outcome !== "string") return { outcome: "done" };
  const why = REFUSED[outcome];
  if (why === undefined) return { outcome: "done", result: outcome };
  return { outcome: "refused", result: typeof state === "string" ? `it is ${state}` : why };
}

/** What is changed by all that an inspector offers. */
export function auditInspector(
  parts: Readonly<Record<"tasks" | "pools" | "fleet" | "processes" | "objects" | "schedules" | "workflows", object>>,
  trail: AuditTrail,
): void {
  audited(parts.tasks, trail, {
    ...Object.fromEntries(
      ["cancel", "retry", "promote", "remove"].map((name) => [
        name,
        { change: taskAction(name), isBulk: true as const },
      ]),
    ),
    change: {
      change: ([id, wanted, options]) => ({
        ...ofTask("task.change", id, options),
        details: describe({ ...(wanted as object), ...("args" in Object(wanted) && { args: "others" }) }),
      }),
    },
  });
  const pool = (action: string, details?: (args: readonly unknown[]) => string | undefined): Audited => ({
    change: (args) => ({ action, kind: "pool", target: String(args[0]), details: details?.(args) }),
  });
  audited(parts.pools, trail, {
    create: {
      change: ([made]) => {
        const { name, ...more } = made as { name: string };
        return { action: "pool.create", kind: "pool", target: String(name), details: describe(more) };
      },
      result: (answer) => (answer === true ? { outcome: "done" } : { outcome: "refused", result: "it exists" }),
    },
    resize: pool("pool.resize", ([, size]) => `size ${size ?? "none"}`),
    limit: pool("pool.limit", ([, limits, options]) => {
      const { task, reset } = Object(options) as { task?: unknown; reset?: unknown };
      const rule = Object(limits) as { rate?: unknown };
      const now = reset ? "as its code says" : (describe({ ...rule, ...Object(rule.rate) }) ?? "none");
      return task === undefined ? now : `task ${String(task)}: ${now}`;
    }),
    pause: pool("pool.pause"),
    resume: pool("pool.resume"),
    reset: {
      ...pool("pool.reset"),
      result: (answer) =>
        answer === false ? { outcome: "done", result: "it had not failed" } : resultOf(answer === null ? null : true),
    },
    remove: pool("pool.remove", ([, options]) => describe(options)),
  });
  const host = (action: string, details?: (args: readonly unknown[]) => string | undefined): Audited => ({
    change: (args) => ({ action, kind: "host", target: [args[0]].flat().join(", "), details: details?.(args) }),
    result: (answer) => {
      const missing = [answer].flat().filter((one) => one === null).length;
      if (missing === 0) return { outcome: "done" };
      const all = [answer].flat().length;
      return missing === all ? resultOf(null) : { outcome: "done", result: `${missing} of ${all} are not there` };
    },
  });
  audited(parts.fleet, trail, {
    quiet: host("host.quiet"),
    resume: host("host.resume"),
    resize: host("host.resize", ([, slots]) => `slots ${slots}`),
    drain: host("host.drain", ([, options]) => {
      const { grace } = (options ?? {}) as { grace?: number };
      return describe({ grace });
    }),
  });
  const workflow = (action: string): Audited => ({
    change: ([id, options]) => ({ action, kind: "workflow", target: String(id), details: describe(options) }),
  });
  audited(parts.workflows, trail, {
    cancel: workflow("workflow.cancel"),
    retry: workflow("workflow.retry"),
    remove: workflow("workflow.remove"),
  });
  const schedule = (action: string): Audited => ({
    change: ([name, task]) => ({
      ...{ action, kind: "schedule", target: String(name) },
      details: typeof task === "string" ? `task ${task}` : undefined,
    }),
  });
  const switched: Audited["result"] = (answer) => (answer === null ? resultOf(null) : { outcome: "done" });
  audited(parts.schedules, trail, {
    set: { ...schedule("schedule.set"), result: () => ({ outcome: "done" }) },
    run: { ...schedule("schedule.run"), result: (id) => ({ outcome: "done", result: String(id) }) },
    pause: { ...schedule("schedule.pause"), result: switched },
    resume: { ...schedule("schedule.resume"), result: switched },
    remove: schedule("schedule.remove"),
  });
  const process = (action: string): Audited => ({
    change: ([id]) => ({ action, kind: "process", target: String(id) }),
  });
  audited(parts.processes, trail, { terminate: process("process.terminate"), kill: process("process.kill") });
  const object = (action: string): Audited => ({
    change: ([place, options]) => {
      const { kind, name } = place as { kind: string; name: string };
      return { action, kind: "object", target: `${kind}/${name}`, details: describe(options) };
    },
  });
  audited(parts.objects, trail, {
    release: {
      ...object("object.release"),
      result: (answer) => {
        const holders = (answer as readonly unknown[]).length;
        return holders === 0
          ? { outcome: "refused", result: "nothing holds it" }
          : { outcome: "done", result: `taken from ${holders}` };
      },
    },
    releasePermits: {
      change: ([name, permits]) => ({
        ...{ action: "object.release", kind: "object", target: `semaphore/${name}` },
        details: `permits ${permits}`,
      }),
    },
    remove: object("object.remove"),
  });
}

function taskAction(name: string): Audited["change"] {
  return ([which, options]) => {
    if (typeof which === "string") return ofTask(`task.${name}`, which, options);
    const { resume, reason } = (options ?? {}) as { resume?: string; reason?: string };
    const target = resume === undefined ? describeSelection(which as TaskSelection) : `resumed ${resume}`;
    return { action: `task.${name}`, kind: "tasks", target, details: describe({ reason }) };
  };
}

function ofTask(action: string, id: unknown, options: unknown): AuditedChange {
  const { pool, reason } = (options ?? {}) as { pool?: string; reason?: string };
  return { action, kind: "task", target: String(id), details: describe({ pool, reason }) };
}

function describeSelection(query: TaskSelection): string {
  return describe(query) ?? "all";
}

/** `pool images, state failed` */
function describe(facts: unknown): string | undefined {
  const words = Object.entries(Object(facts) as Record<string, unknown>).flatMap(([name, value]) =>
    value === undefined || value === null || typeof value === "object" || typeof value === "function"
      ? []
      : [`${name} ${value}`],
  );
  return words.length === 0 ? undefined : words.join(", ");
}
