import { ValueError } from "@manyhands/core";
import { environmentSetting, visibleLine } from "@manyhands/core/internal";

const SETTING = "MANYHANDS_DASHBOARD_TRACE_URL";

/** The address of a trace in a tracing tool. */
export type TraceUrl = (traceId: string | null) => string | null;

/**
 * @param given - The template; undefined: that of the environment
 * @throws ValueError for a template that is no address with `{traceId}` in it
 */
export function traceUrls(given: unknown): TraceUrl {
  const template = given ?? environmentSetting(SETTING);
  if (template === undefined || template === "") return () => null;
  const name = given === undefined ? SETTING : "traceUrl";
  const isFit =
    typeof template === "string" &&
    template.includes("{traceId}") &&
    /^https?:$/.test(URL.parse(template)?.protocol ?? "");
  if (!isFit) {
    throw new ValueError(
      `${name} must be an address with {traceId} in it, such as https://tracing.example.org/trace/{traceId}; ` +
        `got ${typeof template === "string" ? `"${visibleLine(template)}"` : typeof template}`,
    );
  }
  return (traceId) => (traceId === null ? null : template.replaceAll("{traceId}", traceId));
}
