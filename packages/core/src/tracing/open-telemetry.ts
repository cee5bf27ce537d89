import { createRequire } from "node:module";
import type * as OpenTelemetry from "@opentelemetry/api";

export type { Context, Span, SpanContext, Tracer } from "@opentelemetry/api";

/** Where an SDK of OpenTelemetry registers itself, for all copies of its interface. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

let loaded: typeof OpenTelemetry | null | undefined;

/**
 * The interface of OpenTelemetry, when the program has registered an SDK. Without one nothing is loaded: a look costs a
 * property of the global object.
 */
export function openTelemetry(): typeof OpenTelemetry | undefined {
  const registered = (globalThis as { [REGISTERED]?: { trace?: unknown } })[REGISTERED];
  if (registered?.trace === undefined) return undefined;
  if (loaded === undefined) {
    try {
      loaded = createRequire(import.meta.url)("@opentelemetry/api") as typeof OpenTelemetry;
    } catch {
      // The SDK is installed where this package does not find its interface.
      loaded = null;
    }
  }
  return loaded ?? undefined;
}
