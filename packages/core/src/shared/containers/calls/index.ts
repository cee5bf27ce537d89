export { callsScript } from "./calls-script.ts";
export { Container, type MakeWith, makeWithOf, toText, type WriteOptions } from "./container.ts";
