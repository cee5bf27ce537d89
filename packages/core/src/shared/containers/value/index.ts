export { createValue, type ValueOptions, type ValueProxy } from "./value.ts";
export { VALUE_KIND } from "./value-kind.ts";
