import { z } from "./open-api.ts";

/** Milliseconds since the epoch. */
export const Time = z.number().openapi({ description: "Milliseconds since the epoch.", example: 1_795_956_000_000 });
export const Duration = z.number().openapi({ description: "Milliseconds." });
const Name = z.string().openapi({ example: "images" });
export const Anything = z.unknown().openapi({
  description: "Any value. Of what is more than JSON its text or list: a Date as ISO 8601, a Map as pairs.",
});

export const isCut = z
  .literal(true)
  .optional()
  .openapi({ description: "Something was cut: `full=true` gives all of it." });

export const TaskState = z
  .enum([
    ...(["waiting", "delayed", "prioritized", "blocked", "active", "waiting-children"] as const),
    ...(["completed", "failed", "cancelled", "unknown"] as const),
  ])
  .openapi("TaskState");

export const ErrorView: z.ZodType<ErrorShape> = z
  .object({
    name: z.string(),
    message: z.string(),
    code: z.string().nullable(),
    stack: z.string().nullable().openapi({ description: "Of the machine where it was thrown." }),
    host: z.string().nullable(),
    pid: z.int().nullable(),
    get cause() {
      return ErrorView.nullable();
    },
  })
  .openapi("Error");

export interface ErrorShape {
  name: string;
  message: string;
  code: string | null;
  stack: string | null;
  host: string | null;
  pid: number | null;
  cause: ErrorShape | null;
}

const taskRow = {
  id: z.string().openapi({ description: "`<job>.<n>` is one call of a job that several share.", example: "k3f9-17" }),
  name: z.string().openapi({ description: "Name of the task.", example: "resize" }),
  pool: Name,
  state: TaskState,
  host: z.string().nullable().openapi({ description: "Host that runs or ran it last." }),
  attemptsMade: z.int().openapi({ description: "Tries that ended." }),
  createdAt: Time,
  startedAt: Time.nullable(),
  finishedAt: Time.nullable(),
  failedReason: z.string().nullable(),
};

const heldBack = {
  task: z.string().nullable().openapi({ description: "The task that the limit is of; null = the pool." }),
  key: z.string().openapi({ description: "Empty where the limit has no keys." }),
  nextAt: Time.nullable().openapi({ description: "When its rate allows the next start." }),
};

const HeldBackInTurn = z.object({
  ...heldBack,
  allows: z.string().nullable().openapi({ description: "What it allows, in words." }),
  running: z.int().openapi({ description: "Tasks that run and that it counts." }),
  isFull: z.boolean().openapi({ description: "As many run as may." }),
  before: z.int().nullable().openapi({ description: "Tasks of its key that are before it." }),
  turn: z.int().nullable().openapi({ description: "Keys whose turn comes before that of its key." }),
});

export const TaskRow = z
  .object({
    ...taskRow,
    tags: z.array(z.string()),
    workflow: z.string().nullable().openapi({ description: "Id of the workflow that it is a step of." }),
    limit: z.object(heldBack).nullable().openapi({ description: "The limit that holds it back." }),
    args: z.string().nullable().optional().openapi({
      description: "With `details`: a short text of its arguments; null = they are too long for a list.",
    }),
    attempts: z.int().optional().openapi({ description: "With `details`: tries allowed in total." }),
    priority: z.int().nullable().optional().openapi({ description: "With `details`." }),
    dueAt: Time.nullable().optional().openapi({
      description: "With `details`: when a delayed task may start, or a rate allows it.",
    }),
    why: z.enum(["unserved", "limited", "paused", "full"]).nullable().optional().openapi({
      description:
        "With `details`: why one that waits does not start: no host knows it, a limit holds it back, its pool is paused, or full.",
    }),
  })
  .openapi("TaskRow");

export interface ValueShape {
  type: string;
  text?: string | undefined;
  size?: number | undefined;
  items?: { place: number; key?: string | ValueShape | undefined; node: ValueShape }[] | undefined;
  isFolded?: true | undefined;
}

export const ValueView: z.ZodType<ValueShape> = z
  .object({
    type: z.string().openapi({
      description:
        "`null`, `undefined`, `boolean`, `number`, `bigint`, `string`, `hole`, `circular`, `hidden` (by --redact), or the " +
        "class of an object, such as `Object`, `Array`, `Map`, `Set`, `Date`, `Uint8Array`.",
    }),
    text: z.string().optional().openapi({ description: "Of a long text, or of bytes, the beginning." }),
    size: z.int().optional().openapi({ description: "Characters, bytes, or parts." }),
    get items() {
      return z
        .array(z.object({ place: z.int(), key: z.union([z.string(), ValueView]).optional(), node: ValueView }))
        .optional();
    },
    isFolded: z.literal(true).optional().openapi({ description: "There is more: ask for it by its place." }),
  })
  .openapi("Value");

const Try = z
  .object({
    attempt: z.int().openapi({ description: "1 for the first; a retry by request begins again with 1." }),
    startedAt: Time,
    endedAt: Time.nullable(),
    host: z.string().nullable(),
    pid: z.int().nullable(),
    outcome: z.enum(["running", "completed", "failed", "cancelled"]),
    error: z.object({ name: z.string(), message: z.string() }).nullable(),
    stack: z.string().nullable(),
  })
  .openapi("Try");

export const TaskView = z
  .object({
    ...taskRow,
    kind: z.string().openapi({ description: "`call`, or how several calls or chunks of a map share the job." }),
    units: z.int().openapi({ description: "Calls or chunks in the job." }),
    items: z.int(),
    attempts: z.int().openapi({ description: "Tries allowed in total." }),
    priority: z.int().nullable(),
    dueAt: Time.nullable().openapi({ description: "When a delayed task, or the next try, may start." }),
    expiresAt: Time.nullable().openapi({ description: "When it is dropped if it has not been started." }),
    tries: z.array(Try).openapi({ description: "The last ones, the first of them first." }),
    tags: z.array(z.string()),
    timeout: Duration.nullable(),
    softTimeout: Duration.nullable(),
    pid: z.int().nullable(),
    hostId: z.string().nullable(),
    waitTime: Duration.nullable(),
    runTime: Duration.nullable(),
    args: Anything,
    result: Anything,
    hasResult: z.boolean(),
    error: ErrorView.nullable(),
    outcomes: z.array(
      z.object({ unit: z.int(), ok: z.boolean(), value: Anything, error: ErrorView.nullable(), runTime: Duration }),
    ),
    progress: Anything,
    queuePosition: z.int().nullable().openapi({ description: "0 = next." }),
    blockedBy: z.string().nullable().openapi({ description: "Why no host starts it, and what to do." }),
    limit: HeldBackInTurn.nullable().openapi({ description: "The limit that holds it back." }),
    cancelRequested: z.string().nullable().openapi({ description: "Reason of a cancellation under way." }),
    deadOf: z.string().nullable().openapi({ description: "Task that failed for good, of which this call tells." }),
    parent: z.object({ pool: z.string(), id: z.string() }).nullable().openapi({
      description: "Task that has submitted this one as its child, or of a flow of BullMQ: that waits for it.",
    }),
    schedule: z.string().nullable(),
    workflow: z.string().nullable().openapi({ description: "The workflow that it is a step of." }),
    traceId: z.string().nullable().openapi({ description: "32 hexadecimal digits." }),
    traceUrl: z.string().nullable().optional().openapi({ description: "The trace in a tracing tool, if one is set." }),
    typed: z
      .array(z.object({ part: z.enum(["args", "result", "progress"]), node: ValueView }))
      .optional()
      .openapi({ description: "With `values=typed`, in place of the plain values, which are null then." }),
    isCut,
  })
  .openapi("Task");

const WaitFor = z.union([
  z.object({ what: z.literal("object"), kind: z.string(), name: z.string() }),
  z.object({ what: z.literal("pool"), pool: z.string(), running: z.int(), size: z.int() }),
  z.object({ what: z.literal("slot"), pool: z.string(), slots: z.int() }),
]);

export const Causes = z
  .object({
    steps: z.array(
      z.object({
        waitsFor: WaitFor.nullable().openapi({ description: "What the step before it waits for, which this one has." }),
        who: z.enum(["task", "program"]),
        id: z.string().nullable(),
        name: z.string().nullable(),
        pool: z.string().nullable(),
        state: TaskState.nullable(),
        since: Time.nullable(),
        host: z.string().nullable(),
        hostname: z.string().nullable(),
        pid: z.int().nullable(),
        session: z.string().nullable(),
        isAlive: z.boolean(),
      }),
    ),
    ending: z.enum([
      ...(["runs", "waits", "delayed", "backoff", "paused", "limited"] as const),
      ...(["unserved", "signal", "lost"] as const),
      ...(["deadlock", "finished"] as const),
    ]),
    waitsFor: WaitFor.nullable().openapi({ description: "What the last step waits for, where no one has it." }),
    circleFrom: z.int().nullable().openapi({ description: "Of a deadlock: the step for which the last one waits." }),
    waits: z.int().openapi({ description: "Waits that end with the last step." }),
    until: Time.nullable(),
    limit: HeldBackInTurn.nullable().openapi({ description: "The limit that holds it back." }),
    advice: z.string().nullable().openapi({ description: "Why no host starts it, and what to do." }),
    knowing: z
      .array(z.object({ id: z.string(), name: z.string(), state: z.string() }))
      .openapi({ description: "Live hosts that know it and do not take it, where no host starts it." }),
  })
  .openapi("Causes");

export const TaskLines = z
  .object({
    lines: z.array(
      z.object({
        number: z.int(),
        at: Time.nullable(),
        tryAt: Time.nullable().openapi({ description: "`startedAt` of the try that wrote it." }),
        source: z.enum(["log", "stdout", "stderr"]),
        level: z.enum(["debug", "info", "warn", "error"]).openapi({ description: "As far as the line says it." }),
        text: z.string(),
      }),
    ),
    next: z.int().openapi({ description: "Where to go on reading." }),
    total: z.int(),
    dropped: z.int().openapi({ description: "Lines at the beginning that are not kept any more." }),
  })
  .openapi("TaskLines");

export const TaskLog = z
  .object({
    lines: z.array(z.string()),
    next: z.int().openapi({ description: "Where to go on reading." }),
    missed: z.int().openapi({ description: "Lines that are not kept any more." }),
  })
  .openapi("TaskLog");

export const LimitRule = z
  .strictObject({
    concurrency: z.int().min(1).optional().openapi({ description: "So many run at once." }),
    rate: z
      .strictObject({
        max: z.int().min(1),
        per: z.int().min(1).openapi({ description: "Milliseconds." }),
        kind: z.enum(["window", "bucket"]).optional(),
      })
      .optional(),
    keyed: z.boolean().optional().openapi({ description: "For each key by itself." }),
  })
  .openapi("LimitRule");

export const PoolView = z
  .object({
    name: Name,
    size: z
      .int()
      .nullable()
      .openapi({ description: "Most that run at once, over all hosts; null = as many as slots." }),
    state: z.enum(["running", "failed", "terminated"]),
    unnamed: z.boolean().openapi({ description: "It vanishes with the program that made it." }),
    isolation: z.enum(["process", "thread", "inline"]).nullable(),
    maxTasksPerChild: z.int().nullable(),
    fence: z.enum(["strict", "lenient"]),
    failure: z.string().nullable().openapi({ description: "Why it failed." }),
    createdAt: Time,
    paused: z.boolean(),
    limits: LimitRule.nullable().openapi({ description: "Of the pool, over all hosts; null = no limit but its size." }),
    waiting: z.int(),
    prioritized: z.int(),
    delayed: z.int(),
    active: z.int(),
    completed: z.int().openapi({ description: "As far as they are kept." }),
    failed: z.int().openapi({ description: "As far as they are kept." }),
    oldestWaiting: Duration.nullable(),
    hosts: z.int().openapi({ description: "Live hosts that take work of it." }),
    slots: z.int(),
    limited: z.int().openapi({ description: "Tasks that limits hold back; they count among the delayed ones." }),
    parked: z.int().openapi({ description: "Tasks that no live host knows; they count among the delayed ones." }),
    hindrance: z
      .object({
        reason: z.enum(["removing", "failed", "paused", "noHost", "unknownTasks", "atSize", "slotsBusy", "limited"]),
        count: z.int().openapi({ description: "Tasks that wait for that." }),
        tasks: z.array(z.string()).openapi({ description: "Of `unknownTasks`: some of their names." }),
        hosts: z
          .array(z.object({ id: z.string(), name: z.string(), state: z.string() }))
          .openapi({ description: "Live hosts that could run them and take no work of the pool at present." }),
      })
      .nullable()
      .openapi({ description: "Why what waits does not go on; null = it goes on, or nothing waits." }),
  })
  .openapi("Pool");

export const HostView = z
  .object({
    id: z.string(),
    name: z.string(),
    hostname: z.string(),
    pid: z.int(),
    slots: z.int(),
    state: z.string().openapi({ description: "starting, running, quiet, draining, deaf, unready", example: "running" }),
    step: z.enum(["quiet", "warm", "cold", "kill"]).nullable().openapi({ description: "How far its stop has come." }),
    stepSince: Time.nullable(),
    canResume: z.boolean().openapi({ description: "It is quiet, or drains, and can be told to take work again." }),
    troubles: z.array(
      z.object({ pool: z.string().nullable(), reason: z.string(), since: Time, takesWork: z.boolean() }),
    ),
    isolation: z.enum(["process", "thread", "inline"]),
    pools: z.array(z.string()).nullable().openapi({ description: "null = every pool." }),
    tasks: z.array(z.string()).openapi({ description: "Names of the tasks that it knows." }),
    running: z.array(z.object({ jobId: z.string(), task: z.string(), pool: z.string(), pid: z.int(), since: Time })),
    children: z.array(
      z.looseObject({
        pid: z.int(),
        pool: z.string().nullable(),
        isolation: z.string(),
        busy: z.boolean(),
        jobsRun: z.int(),
        cpu: z.number().nullable().optional().openapi({ description: "1 = all of one processor." }),
        memory: z.int().nullable().optional().openapi({ description: "Bytes." }),
        startedAt: Time.nullable().optional(),
      }),
    ),
    processes: z.object({ limit: z.int(), running: z.int() }).nullable(),
    version: z.string(),
    startedAt: Time,
    beatAt: Time,
    memory: z.number().openapi({ description: "Resident memory of the host, bytes." }),
    cpu: z.number().nullable().openapi({ description: "Of the host and its children, 1 = all of one processor." }),
    processors: z.int().nullable(),
    machineMemory: z.number().nullable().openapi({ description: "Memory of its machine, bytes." }),
    completed: z.int(),
    failed: z.int(),
  })
  .openapi("Host");

export const GoneHostView = z
  .object({
    id: z.string(),
    name: z.string(),
    hostname: z.string(),
    pid: z.int(),
    version: z.string(),
    slots: z.int(),
    pools: z.array(z.string()).nullable(),
    startedAt: Time,
    heardAt: Time.openapi({ description: "Last time that it was heard." }),
    goneAt: Time.openapi({ description: "When it ended, or when others noticed that it is gone." }),
    how: z.enum(["ended", "killed", "vanished"]).openapi({
      description: "`ended` in order; `killed`: its process ended without a word; `vanished`: nothing is heard of it.",
    }),
    reason: z.string().nullable().openapi({ description: "Why it ended.", example: "SIGTERM" }),
    running: z
      .array(z.object({ jobId: z.string(), task: z.string(), pool: z.string(), pid: z.int(), since: Time }))
      .openapi({ description: "What it ran when it was last heard, 20 jobs at most." }),
    finished: z.int().nullable().openapi({ description: "Of one that ended: what ended by itself meanwhile." }),
    givenBack: z.int().nullable().openapi({ description: "Of one that ended: what it gave back to others." }),
    completed: z.int(),
    failed: z.int(),
  })
  .openapi("GoneHost");

export const HostLog = z
  .object({
    id: z.string(),
    name: z.string(),
    lines: z
      .array(
        z.object({
          at: Time,
          level: z.enum(["info", "warn", "error"]),
          message: z.string(),
          facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
        }),
      )
      .openapi({ description: "The oldest first." }),
  })
  .openapi("HostLog");

export const KnownTaskView = z
  .object({
    name: z.string(),
    isolation: z.enum(["process", "thread", "inline"]).nullable(),
    takes: z.int().nullable().openapi({ description: "Arguments that it has names for." }),
    options: z.looseObject({}),
    hosts: z.array(z.string()).openapi({ description: "Names of the live hosts that know it." }),
    schema: z
      .record(z.string(), z.unknown())
      .nullable()
      .openapi({ description: "JSON Schema of the list of arguments, or of the only one." }),
  })
  .openapi("KnownTask");

export const PoolRateRow = z
  .object({
    pool: z.string().openapi({ description: "`(unnamed)` = all unnamed pools." }),
    completed: z.int(),
    failed: z.int(),
    waitP95: Duration.nullable(),
    runP95: Duration.nullable(),
  })
  .openapi("PoolRates");

export const PoolCourseView = z
  .object({
    pool: Name,
    from: Time.openapi({ description: "The first minute." }),
    completed: z.array(z.int()).openapi({ description: "One number a minute." }),
    failed: z.array(z.int()),
  })
  .openapi("PoolCourse");

/** What may start, as it is stored. */
export const PoolLimitsView = z
  .object({
    rules: z.array(
      z.object({
        task: z.string().nullable().openapi({ description: "null = of the pool." }),
        rule: LimitRule,
        isEverywhere: z.boolean().openapi({ description: "It is that of the task's code, and counts over all pools." }),
        text: z.string(),
      }),
    ),
    waiting: z.int().openapi({ description: "Calls that are held back." }),
    keys: z.int().openapi({ description: "Keys with calls that are held back or run." }),
    places: z
      .array(
        z.object({
          task: z.string().nullable(),
          key: z.string().openapi({ description: '"" = without a key.' }),
          waiting: z.int(),
          running: z.int(),
          nextAt: Time.nullable().openapi({ description: "When its rate allows the next start." }),
          isFull: z.boolean(),
        }),
      )
      .openapi({ description: "The first keys, in the order of their turns." }),
  })
  .openapi("PoolLimits");

export const ProcessView = z
  .object({
    id: z.string(),
    state: z.enum(["waiting", "running", "ended", "lost"]),
    name: z.string(),
    target: z.string().openapi({ description: "Name of the task that it runs." }),
    daemon: z.boolean(),
    queue: z.string().openapi({ description: "Says where it may run." }),
    parent: z.object({ process: z.string().nullable(), pid: z.int(), name: z.string(), host: z.string() }),
    host: z.string(),
    hostId: z.string(),
    pid: z.int().nullable(),
    exitcode: z.int().nullable(),
    lost: z.string().nullable(),
    createdAt: Time,
    startedAt: Time.nullable(),
    endedAt: Time.nullable(),
    stdout: z.string(),
    stderr: z.string(),
  })
  .openapi("Process");

const Refusal = z.object({ reason: z.string(), count: z.int(), ids: z.array(z.string()) });

export const BulkAction = z
  .object({
    id: z.string().openapi({ description: "Go on with it: `{ resume: id }`." }),
    done: z.int(),
    refused: z.int(),
    isFinished: z.boolean().openapi({ description: "false: there is more to do; send `{ resume: id }`." }),
    reasons: z.array(Refusal).openapi({ description: "Why tasks were left as they are, once it is finished." }),
  })
  .openapi("BulkAction");
