export { createValue, type ValueOptions, ValueProxy } from "./value.ts";
export { VALUE_KIND } from "./value-kind.ts";
