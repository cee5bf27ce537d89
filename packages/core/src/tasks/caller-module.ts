import { pathToFileURL } from "node:url";
import { getCallSites } from "node:util";

/**
 * URL of the module that called `callee`. Worker hosts load tasks by module, so `manyhands run` has to know which
 * modules define the tasks of a program.
 */
export function callerModule(callee: { name: string }): string {
  const frames = getCallSites(12);
  const calleeIndex = frames.findIndex((frame) => frame.functionName === callee.name);
  const caller = frames[calleeIndex + 1]?.scriptName ?? "";
  if (caller === "" || caller.includes("://")) return caller;
  return pathToFileURL(caller).href;
}
