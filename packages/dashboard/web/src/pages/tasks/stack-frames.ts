/** A line of a stack. */
export interface Frame {
  /** What was called; empty where the stack does not say it. */
  name: string;
  /** File with line and column. */
  at: string;
  /** Whether it is code of the program, not of a library or of Node. */
  isUser: boolean;
}

const LIBRARY =
  /(?:^|[\\/])node_modules[\\/]|^node:|^internal[\\/]|[\\/]@?manyhands[\\/](?:core|worker|packages)|[\\/]packages[\\/](?:core|worker)[\\/](?:src|dist)[\\/]|^<anonymous>$|^native$/;

/** The frames of a stack, without its message. */
export function framesOf(stack: string): Frame[] {
  return stack.split("\n").flatMap((line) => {
    const [, text] = /^\s+at (.*)$/.exec(line) ?? [];
    if (text === undefined) return [];
    const [, name = "", place] = /^(.*?) \((.*)\)$/.exec(text) ?? ["", "", text.replace(/^async /, "")];
    const at = String(place).replace(/^file:\/\//, "");
    return [{ name, at, isUser: !LIBRARY.test(at) }];
  });
}
