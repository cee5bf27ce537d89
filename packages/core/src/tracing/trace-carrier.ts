import { type Context, openTelemetry, type SpanContext } from "./open-telemetry.ts";

/** A trace on its way in a job, in the form of W3C Trace Context; any client may write it. */
export interface TraceCarrier {
  /** `00-<trace>-<span>-<flags>` */
  traceparent: string;
  tracestate?: string;
  /** In the form of W3C Baggage. */
  baggage?: string;
  /** The one who runs the job begins a trace of its own, with a link to this one. */
  traceLink?: true;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
/** Longest `tracestate` and `baggage`, characters: those of W3C. */
const LONGEST_STATE = 512;
const LONGEST_BAGGAGE = 8_192;

/** The trace in the data of a job, or in a message; undefined where there is none that can be read. */
export function readCarrier(data: unknown): TraceCarrier | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { traceparent, tracestate, baggage, traceLink } = data as Partial<Record<keyof TraceCarrier, unknown>>;
  if (typeof traceparent !== "string" || !isTraceparent(traceparent)) return undefined;
  const carrier: TraceCarrier = { traceparent };
  if (typeof tracestate === "string" && tracestate.length <= LONGEST_STATE) carrier.tracestate = tracestate;
  if (typeof baggage === "string" && baggage.length <= LONGEST_BAGGAGE) carrier.baggage = baggage;
  if (traceLink === true) carrier.traceLink = true;
  return carrier;
}

function isTraceparent(text: string): boolean {
  const [, trace = "", span = ""] = TRACEPARENT.exec(text) ?? [];
  return text.length <= 200 && !text.startsWith("ff") && /[^0]/.test(trace) && /[^0]/.test(span);
}

/** The trace of a span, and the baggage of a context; undefined for a span that no SDK has made. */
export function toCarrier(span: SpanContext, context: Context): TraceCarrier | undefined {
  const api = openTelemetry();
  if (!api?.isSpanContextValid(span)) return undefined;
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
  const carrier: TraceCarrier = { traceparent: `00-${span.traceId}-${span.spanId}-${flags}` };
  const state = span.traceState?.serialize();
  if (state) carrier.tracestate = state;
  const injected: Record<string, unknown> = {};
  if (api.propagation.getBaggage(context)) api.propagation.inject(context, injected);
  const { baggage } = injected;
  if (typeof baggage === "string" && baggage.length <= LONGEST_BAGGAGE) carrier.baggage = baggage;
  return carrier;
}

/** The span that a carrier names, and a context with its baggage in which it is the active one. */
export function fromCarrier(carrier: TraceCarrier): { span: SpanContext; context: Context } | undefined {
  const api = openTelemetry();
  const [, traceId, spanId, flags] = TRACEPARENT.exec(carrier.traceparent) ?? [];
  if (!api || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const span: SpanContext = {
    ...{ traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true },
    ...(carrier.tracestate !== undefined && { traceState: api.createTraceState(carrier.tracestate) }),
  };
  const { baggage } = carrier;
  const empty = api.ROOT_CONTEXT;
  const context = baggage === undefined ? empty : api.propagation.extract(empty, { baggage });
  return { span, context: api.trace.setSpanContext(context, span) };
}
