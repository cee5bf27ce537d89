export { callsScript, containerKind } from "./calls-script.ts";
export { Container, type MakeWith, makeWithOf, toText, type WriteOptions } from "./container.ts";
