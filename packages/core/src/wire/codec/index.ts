export { failureSummary } from "../../errors/index.ts";
export { decode, decodeFromString, encode, encodeSeparately, encodeToString } from "./binary.ts";
export { assertSendable, classify, decodeUnits, isJsonUnits, isPlainJson, unitsToJson } from "./classify.ts";
export { decodeError, encodeError } from "./failure.ts";
export { jsonForm } from "./json-form.ts";
export { decodeStoredAnswers } from "./stored-answers.ts";
export { defineTransferable, forViewing, type Purpose, type Transferable } from "./transferable.ts";
export { textToValue, valueToText } from "./value-text.ts";
