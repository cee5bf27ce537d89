export { createValue, openValue, type ValueOptions, type ValueProxy } from "./value.ts";
export { VALUE_KIND } from "./value-operations.ts";
