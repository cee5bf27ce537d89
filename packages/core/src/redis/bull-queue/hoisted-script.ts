/** Text of a script of BullMQ in two parts. */
export interface ScriptParts {
  /** The functions that it defines, which need nothing of a call but what they are given. */
  functions: string;
  /** What one call does, with the locals that it begins with. */
  call: string;
}

/**
 * Takes the functions out of a script of BullMQ. Lua makes each of them anew wherever their text stands in what runs: some 40
 * for each job that is finished. Outside of it they are made once for all calls in a script.
 *
 * @returns null where one of them needs a local of the call: then they stay where they are
 */
export function partsOf(script: string): ScriptParts | null {
  const functions: string[] = [];
  const call: string[] = [];
  /** Locals of the call so far. */
  const locals = new Set<string>();
  let block: string[] | undefined;
  for (const line of script.split("\n")) {
    const begins = block === undefined && /^local (?:function |[\w]+ = function\b|[\w]+$)/.test(line);
    if (begins && !/function/.test(line)) {
      const name = line.slice("local ".length);
      // Declared before it is defined: of a function, else of a value of the call.
      if (new RegExp(`^${name} = function\\b`, "m").test(script)) functions.push(line);
      else note(line, call, locals);
      continue;
    }
    if (begins || (block === undefined && /^\w+ = function\b/.test(line))) block = [];
    if (block === undefined) {
      note(line, call, locals);
      continue;
    }
    block.push(line);
    if (!/^end\b/.test(line)) continue;
    const text = block.join("\n");
    block = undefined;
    if ([...locals].some((name) => uses(text, name))) return null;
    functions.push(text);
  }
  return block === undefined ? { functions: functions.join("\n"), call: call.join("\n") } : null;
}

function note(line: string, call: string[], locals: Set<string>): void {
  call.push(line);
  const [, names = ""] = /^local ([\w, ]+)/.exec(line) ?? [];
  for (const name of names.split(/[, ]+/)) if (name !== "" && name !== "rcall") locals.add(name);
}

/** Whether a function reads a name that it does not declare itself, as a parameter or a local. */
function uses(text: string, name: string): boolean {
  const code = text.replaceAll(/--.*$/gm, "").replaceAll(/"[^"\n]*"|'[^'\n]*'/g, '""');
  if (!new RegExp(`(?<![\\w.])${name}\\b`).test(code)) return false;
  const declared = new RegExp(`function[^(]*\\([^)]*\\b${name}\\b|\\b(?:local|for)\\b[^=\\n]*\\b${name}\\b`);
  return !declared.test(code);
}
