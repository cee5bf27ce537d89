import { ValueError } from "@manyhands/core";
import { environmentSetting, visibleLine } from "@manyhands/core/internal";

const SETTING = "MANYHANDS_DASHBOARD_TRACE_URL";

/**
 * Makes the address of a trace in a tracing tool, from the template of the environment.
 * @throws ValueError for a template that is no address with `{traceId}` in it
 */
export function traceUrls(): (traceId: string | null) => string | null {
  const template = environmentSetting(SETTING);
  if (template === undefined || template === "") return () => null;
  const isFit = template.includes("{traceId}") && /^https?:$/.test(URL.parse(template)?.protocol ?? "");
  if (!isFit) {
    throw new ValueError(
      `${SETTING} must be an address with {traceId} in it, such as https://tracing.example.org/trace/{traceId}; ` +
        `got "${visibleLine(template)}"`,
    );
  }
  return (traceId) => (traceId === null ? null : template.replaceAll("{traceId}", traceId));
}
