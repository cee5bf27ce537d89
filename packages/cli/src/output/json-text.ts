import { jsonForm, visibleJson } from "@manyhands/core/internal";

/**
 * JSON for values that may be more than JSON: tasks take and give all that structured clone carries. What could act on a
 * terminal is written as an escape, with the same value.
 */
export function toJson(value: unknown, indent?: number): string {
  return visibleJson(JSON.stringify(jsonForm(value), undefined, indent));
}
