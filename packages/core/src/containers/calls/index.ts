export { callsScript, containerKind } from "./calls-script.ts";
export { Container, makeWithOf, toText, type WriteOptions } from "./container.ts";
