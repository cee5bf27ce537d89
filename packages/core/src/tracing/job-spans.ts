import { type Context, openTelemetry, type Span, type Tracer } from "./open-telemetry.ts";
import { fromCarrier, type TraceCarrier, toCarrier } from "./trace-carrier.ts";

/**
 * How the trace of a program goes on where its tasks run: in the same trace, in one of their own with a link to it, or not at
 * all.
 */
export type TraceMode = "continue" | "link" | "off";
export const TRACE_MODES: readonly TraceMode[] = ["continue", "link", "off"];

/** A span of ours that is under way. */
export interface OpenSpan {
  /** What is to travel on; undefined when nothing needs to. */
  readonly carrier: TraceCarrier | undefined;
  /** @param error - What it failed with. */
  end(error?: unknown): void;
}

/** What spans say of a job, by the conventions for messaging. */
export interface TracedJob {
  pool: string;
  task: string;
  jobId: string;
  /** Calls in the job. */
  calls: number;
}

/** The context of the caller, to be given to {@link startProducerSpan} later; undefined while nothing is traced. */
export function callersContext(): unknown {
  return openTelemetry()?.context.active();
}

/**
 * A job is on its way to Redis, for callers that were there at that moment. The span is a child of the first one's; those of
 * other traces are linked.
 * @returns undefined while nothing is traced
 */
export function startProducerSpan(
  job: TracedJob,
  { contexts, mode }: { contexts: readonly unknown[]; mode: TraceMode },
): OpenSpan | undefined {
  const api = openTelemetry();
  if (!api || mode === "off") return undefined;
  const [first = api.context.active(), ...others] = contexts.filter((one) => one !== undefined) as Context[];
  const own = api.trace.getSpanContext(first);
  const linked = new Map(
    others.flatMap((context) => {
      const span = api.trace.getSpanContext(context);
      return span && span.spanId !== own?.spanId ? [[span.spanId, { context: span }] as const] : [];
    }),
  );
  const { pool } = job;
  const span = tracerOf(api).startSpan(
    `send ${pool}`,
    {
      kind: api.SpanKind.PRODUCER,
      attributes: { ...attributesOf(job), "messaging.operation.type": "send", "messaging.operation.name": "submit" },
      links: [...linked.values()],
    },
    first,
  );
  const carrier = toCarrier(span.spanContext(), first);
  if (carrier && mode === "link") carrier.traceLink = true;
  return { carrier, end: (error) => endSpan(span, error) };
}

/**
 * A host runs a job: a span for the time that it waited, and one for this try. Where no SDK is registered in the host, the
 * trace goes on to the child as it came.
 * @param options.waitedSince - Since when it waited, epoch ms; undefined for a later try.
 */
export function startConsumerSpan(
  job: TracedJob,
  options: {
    carrier: TraceCarrier | undefined;
    waitedSince: number | undefined;
    attributes: Record<string, string | number>;
  },
): OpenSpan | undefined {
  const { carrier, waitedSince, attributes } = options;
  const api = openTelemetry();
  if (!api) return carrier && { carrier, end: () => {} };
  const from = carrier && fromCarrier(carrier);
  const isLinked = carrier?.traceLink === true;
  const parent = from?.context ?? api.ROOT_CONTEXT;
  const shared = {
    attributes: { ...attributesOf(job), ...attributes },
    ...(isLinked && { root: true, links: from ? [{ context: from.span }] : [] }),
  };
  const tracer = tracerOf(api);
  const span = tracer.startSpan(
    `process ${job.pool}`,
    {
      ...shared,
      kind: api.SpanKind.CONSUMER,
      attributes: {
        ...shared.attributes,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
      },
    },
    parent,
  );
  if (waitedSince !== undefined) {
    const inTrace = isLinked ? api.trace.setSpan(api.ROOT_CONTEXT, span) : parent;
    tracer
      .startSpan(
        `wait ${job.pool}`,
        { attributes: shared.attributes, startTime: Math.min(waitedSince, Date.now()) },
        inTrace,
      )
      .end();
  }
  // Behind a provider that makes no spans, what came goes on.
  return { carrier: toCarrier(span.spanContext(), parent) ?? carrier, end: (error) => endSpan(span, error) };
}

/** One call in a child, below which the spans of the task's own code are. */
export function traceCall<Value>(
  carrier: TraceCarrier,
  facts: { task: string; attributes: Record<string, string | number> },
  call: () => Value,
): Value {
  const api = openTelemetry();
  const from = api && fromCarrier(carrier);
  if (!api || !from) return call();
  const { task, attributes } = facts;
  const isLinked = carrier.traceLink === true;
  const span = tracerOf(api).startSpan(
    `run ${task}`,
    {
      attributes: { "manyhands.task": task, ...attributes },
      ...(isLinked && { root: true, links: [{ context: from.span }] }),
    },
    from.context,
  );
  try {
    const value = api.context.with(api.trace.setSpan(from.context, span), call);
    if (!isThenable(value)) {
      span.end();
      return value;
    }
    return value.then(
      (result) => {
        span.end();
        return result;
      },
      (error: unknown) => {
        endSpan(span, error ?? new Error(String(error)));
        throw error;
      },
    ) as Value;
  } catch (error) {
    endSpan(span, error ?? new Error(String(error)));
    throw error;
  }
}

function tracerOf(api: NonNullable<ReturnType<typeof openTelemetry>>): Tracer {
  return api.trace.getTracer("manyhands");
}

function attributesOf({ pool, task, jobId, calls }: TracedJob): Record<string, string | number> {
  return {
    "messaging.system": "manyhands",
    "messaging.destination.name": pool,
    "messaging.message.id": jobId,
    ...(calls > 1 && { "messaging.batch.message_count": calls }),
    "manyhands.task": task,
  };
}

function endSpan(span: Span, error: unknown): void {
  if (error !== undefined) {
    // Errors of a child come as what they say of themselves.
    const facts = (typeof error === "object" && error !== null ? error : {}) as Partial<Error>;
    const { name = "Error", message = String(error), stack } = facts;
    span.setAttribute("error.type", name);
    span.recordException({ name, message, ...(stack !== undefined && { stack }) });
    // SpanStatusCode.ERROR
    span.setStatus({ code: 2, message });
  }
  span.end();
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
