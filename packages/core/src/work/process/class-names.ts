/** Task names of the subclasses of Process, where they were registered. */
const names = new WeakMap<object, string>();

/** A class is run by the task of that name. */
export function nameClass(subclass: object, task: string): void {
  names.set(subclass, task);
}

/** Name of the task that runs a class, if it was registered. */
export function taskOfClass(subclass: object): string | undefined {
  return names.get(subclass);
}
