import { type CallForm, type OptionTypes, optionsOf } from "../../checks/index.ts";

/** How a method that makes a handle is called. */
export interface Maker extends CallForm {
  /** Which have the method: a context, a manager, or both, where the form says "mp." for both. */
  of: "mp" | "manager" | "both";
}

/** The options of a method that waits, as messages show them. */
export const PATIENCE_TEXT = "{ block, timeout, signal }";

/** The options of an object that has only a name. */
export const NAME: OptionTypes = optionsOf<{ name?: string }>({ name: true });

/** A maker that takes a name. */
export function namedMaker(method: string): Maker {
  return {
    of: "both",
    form: `mp.${method}(name) or mp.${method}({ name })`,
    most: 1,
    options: { 0: NAME },
    orElse: ["string"],
  };
}

/** A maker that takes a number, and then a name. @param count - What messages call the number. */
export function countedMaker(method: string, count: string): Maker {
  return {
    of: "both",
    form: `mp.${method}(${count}, { name })`,
    most: 2,
    options: { 1: NAME },
    orElse: ["string"],
    noOptions: [0],
  };
}
