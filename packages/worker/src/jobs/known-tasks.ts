import type { TaskAnnouncement } from "@manyhands/core/internal";

/** The tasks that a host knows, by name. */
export interface KnownTasks extends ReadonlyMap<string, TaskAnnouncement> {
  /** Another one after each change: what was made of the tasks holds until then. */
  readonly version: number;
}

/** What is made of them for each take and each finish is made once for each version. */
export class TaskMap extends Map<string, TaskAnnouncement> implements KnownTasks {
  #version = 0;

  get version(): number {
    return this.#version;
  }

  override set(name: string, task: TaskAnnouncement): this {
    this.#version += 1;
    return super.set(name, task);
  }

  override delete(name: string): boolean {
    this.#version += 1;
    return super.delete(name);
  }

  override clear(): void {
    this.#version += 1;
    super.clear();
  }
}

/** What `make` made last, until the tasks, or the other thing that it is made of, have changed. */
export function madeOf<Other, Made>(
  tasks: KnownTasks,
  make: (tasks: Iterable<TaskAnnouncement>, other: Other) => Made,
): (other: Other) => Made {
  let last: { version: number; other: Other; made: Made } | undefined;
  return (other) => {
    if (last?.version !== tasks.version || last.other !== other) {
      last = { version: tasks.version, other, made: make(tasks.values(), other) };
    }
    return last.made;
  };
}
