export { assertLogger } from "./assert-logger.ts";
export { assertOptions, type CallForm, namesOf, strictCalls } from "./strict-calls.ts";
