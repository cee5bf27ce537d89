import { jsonForm } from "@manyhands/core/internal";

/** JSON for values that may be more than JSON: tasks take and give whatever structured clone carries. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(jsonForm(value), undefined, indent);
}
