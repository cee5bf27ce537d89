import { pathToFileURL } from "node:url";
import { getCallSites } from "node:util";

/** Where a task is defined. */
export interface CallSite {
  /** URL of the module. */
  module: string;
  /** "<line>:<column>" in it; "" where that cannot be told. */
  position: string;
}

/**
 * Where `callee` was called. Worker hosts load tasks by module, so `manyhands run` has to know which modules define the
 * tasks of a program; and two tasks of one name are told apart by their places.
 */
export function callSiteOf(callee: { name: string }): CallSite {
  const frames = getCallSites(12);
  const calleeIndex = frames.findIndex((frame) => frame.functionName === callee.name);
  const frame = frames[calleeIndex + 1];
  const caller = frame?.scriptName ?? "";
  const module = caller === "" || caller.includes("://") ? caller : pathToFileURL(caller).href;
  return { module, position: frame ? `${frame.lineNumber}:${frame.columnNumber}` : "" };
}
