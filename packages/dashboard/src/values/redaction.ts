/** What stands in the place of a hidden value. */
export const HIDDEN = "[hidden by --redact]";

/** Members of answers whose values come from programs; everything else is ours. */
export const VALUES: ReadonlySet<string> = new Set([
  "args",
  "result",
  "value",
  "progress",
  "state",
  "data",
  "returnvalue",
]);

type Path = readonly (string | number)[];

/**
 * Hides values by the names of what they are in. A single name, such as `password`, holds at any depth; a path, such as
 * `card.number`, where its names follow one another, with lists between them or not. Upper and lower case are the same. In a
 * list of two of which the first is a hidden name, as JSON has a Map, the second one is hidden.
 */
export class Redaction {
  readonly #rules: readonly (readonly string[])[];

  /** @param paths - As the option `redact` has them. */
  constructor(paths: readonly string[]) {
    this.#rules = paths.map((path) => path.toLowerCase().split("."));
  }

  /** Whether something is hidden at all. */
  get isActive(): boolean {
    return this.#rules.length > 0;
  }

  /** Whether what a path leads to is hidden. */
  hides(path: Path): boolean {
    return this.isActive && this.#isHidden(path);
  }

  /** A value of a program, in JSON. @param path - Where it is in what it comes from, such as `args` */
  value(value: unknown, path: Path = []): unknown {
    return this.isActive ? this.#cover(value, path) : value;
  }

  /** An answer of the API: hides in what comes from programs. */
  answer(answer: unknown): unknown {
    if (!this.isActive || typeof answer !== "object" || answer === null) return answer;
    if (Array.isArray(answer)) return answer.map((item) => this.answer(item));
    const { key } = answer as { key?: unknown };
    const entries = Object.entries(answer).map(([name, item]) => {
      // An entry of a dict: its value is hidden as if it stood in an object.
      if (name === "value" && typeof key === "string") return [name, this.#value(item, [name, key])];
      if (name === "lines") return [name, this.#lines(item)];
      return [name, VALUES.has(name) ? this.#cover(item, [name]) : this.answer(item)];
    });
    return Object.fromEntries(entries);
  }

  /** A line of a log: of one that is an object in JSON, maybe after a text, values are hidden; others are as they are. */
  line(text: string): string {
    const begin = this.isActive ? text.indexOf("{") : -1;
    if (begin < 0) return text;
    try {
      const read: unknown = JSON.parse(text.slice(begin));
      return `${text.slice(0, begin)}${JSON.stringify(this.#cover(read, []))}`;
    } catch {
      return text;
    }
  }

  #lines(lines: unknown): unknown {
    if (!Array.isArray(lines)) return lines;
    return lines.map((line: unknown) => {
      if (typeof line === "string") return this.line(line);
      const { text } = (line ?? {}) as { text?: unknown };
      return typeof text === "string" ? { ...(line as object), text: this.line(text) } : this.answer(line);
    });
  }

  #value(value: unknown, path: Path): unknown {
    return this.#isHidden(path) ? HIDDEN : this.#cover(value, path);
  }

  #cover(value: unknown, path: Path): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      const [key, , ...more] = value;
      const isPair = value.length === 2 && more.length === 0 && typeof key === "string";
      if (isPair && this.#isHidden([...path, key])) return [key, HIDDEN];
      const inside = isPair ? [...path, key] : null;
      return value.map((item, index) => {
        const place = [...path, index];
        if (this.#isHidden(place)) return HIDDEN;
        return this.#cover(item, inside !== null && index === 1 ? inside : place);
      });
    }
    const entries = Object.entries(value).map(([name, item]) => {
      const place = [...path, name];
      return [name, this.#isHidden(place) ? HIDDEN : this.#cover(item, place)];
    });
    // As JSON.parse makes them: also a member that is called __proto__ stays a member.
    return Object.fromEntries(entries);
  }

  #isHidden(path: Path): boolean {
    return this.#rules.some((rule) => endsWith(path, rule));
  }
}

/** Whether the names of the rule end the path; numbers of lists between them may be left out. */
function endsWith(path: Path, rule: readonly string[]): boolean {
  let left = rule.length - 1;
  for (let place = path.length - 1; place >= 0; place -= 1) {
    const name = path[place] as string | number;
    if (String(name).toLowerCase() === rule[left]) left -= 1;
    else if (typeof name !== "number" || place === path.length - 1) return false;
    if (left < 0) return true;
  }
  return false;
}

/** Whether a value to be submitted has what was hidden in it: it would replace the real one. */
export function holdsHidden(value: unknown): boolean {
  if (typeof value === "string") return value === HIDDEN;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(holdsHidden);
}
