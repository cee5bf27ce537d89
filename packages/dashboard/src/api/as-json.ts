import { jsonForm } from "@manyhands/core/internal";

/** The value as JSON holds it: of what is more than JSON, a form that says what it is. The shape stays. */
export function asJson<Value>(value: Value): Value {
  return jsonForm(value) as Value;
}
