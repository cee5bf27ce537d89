export { type Waitable, waitForAny } from "./wait-for-any.ts";
