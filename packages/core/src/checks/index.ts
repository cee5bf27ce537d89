export { assertLogger } from "./assert-logger.ts";
export { assertOptions, type CallForm, type OptionTypes, optionsOf, strictCalls } from "./strict-calls.ts";
