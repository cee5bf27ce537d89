/** Where a value was met, as a list that leads up to the root; written out only when something is refused. */
export interface Place {
  parent: Place | null;
  /** What to add to the parent's path; for the root, the whole path. */
  step: string | number | (() => string);
  /** Innermost class instance that holds the value, or is it. */
  instance: Instance | null;
}

export interface Instance {
  place: Place;
  className: string;
}

/** The path a programmer would write, for example `args[0].items[3]["a b"]`. */
export function pathOf(place: Place): string {
  const steps: string[] = [];
  let at: Place = place;
  for (; at.parent !== null; at = at.parent) steps.push(stepText(at.step));
  steps.push(String(at.step));
  steps.reverse();
  // Nesting without end must not make a message without end.
  return steps.length <= 40
    ? steps.join("")
    : `${steps.slice(0, 20).join("")} … (${steps.length - 30} levels) … ${steps.slice(-10).join("")}`;
}

function stepText(step: Place["step"]): string {
  if (typeof step === "function") return step();
  if (typeof step === "number") return `[${step}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** The step to a Map's value. */
export function mapStep(key: unknown, index: number): () => string {
  return () => {
    if (typeof key === "string") return `.get(${JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key)})`;
    return key === null || typeof key !== "object" ? `.get(${String(key)})` : `.values()[${index}]`;
  };
}
