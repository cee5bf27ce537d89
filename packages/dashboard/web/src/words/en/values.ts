import { several } from "./several.ts";

/** Of values of programs: arguments, results, what objects hold. */
export const values = {
  folded: (type: string, size: string) => `${type} of ${size}`,
  bytes: (type: string, size: string) => `${type}, ${several(size, "byte")}`,
  characters: (count: string) => `all ${count} characters`,
  more: (count: string) => `${count} more`,
  hidden: "hidden by --redact",
  circular: "the value that it is in",
  hole: "nothing there",
  empty: "empty",
  notRead: "It could not be read. Press again.",
};
