import { ValueError } from "../errors/index.ts";
import { shared } from "../package/index.ts";
import type { AnyTask } from "./task.ts";

/**
 * Tasks of this process by name. Kept on `globalThis`, so that a second copy of this package (another version, or one
 * nested in `node_modules`) defines its tasks for the same worker.
 */
const tasks: Map<string, AnyTask> = shared("manyhands.tasks", () => new Map<string, AnyTask>());

/** Where the task of a name was defined, and in which turn of the event loop. */
const places: Map<string, { position: string; turn: number }> = shared("manyhands.taskPlaces", () => new Map());

/**
 * @param position - "<line>:<column>" in its module; the same place is the same task.
 * @throws ValueError when another task has the name. A module that is evaluated again, by a loader that reloads it, defines
 *   its tasks again: that happens in a later turn of the event loop, while what one evaluation defines comes in one turn.
 *   Several bundles of one program may have a copy of the module each, with the same code.
 */
export function registerTask(task: AnyTask, position: string = ""): void {
  const known = tasks.get(task.name);
  const place = places.get(task.name);
  const turn = presentTurn();
  if (known && !isSameCode(known, task)) {
    // Of code that comes from no file, as a development server evaluates it, the module is not known.
    const isKnown = known.module !== "" && task.module !== "";
    const isElsewhere = isKnown && withoutQuery(known.module) !== withoutQuery(task.module);
    const isSecond = place !== undefined && place.position !== position && place.turn === turn;
    if (isElsewhere || isSecond) {
      const [first, second] = [placeOf(known.module, place?.position), placeOf(task.module, position)];
      throw new ValueError(
        `task "${task.name}" is defined twice: in ${first} and in ${second}; give one of them another name`,
      );
    }
  }
  tasks.set(task.name, task);
  places.set(task.name, { position, turn });
}

function isSameCode(known: AnyTask, task: AnyTask): boolean {
  if (known.run === task.run) return true;
  return known.module !== task.module && String(known.run) === String(task.run);
}

/** "tasks.ts?v=2" is "tasks.ts", loaded once more. */
function withoutQuery(module: string): string {
  return module.replace(/[?#].*$/, "");
}

function placeOf(module: string, position: string | undefined): string {
  return position ? `${module}:${position}` : module;
}

let turnNumber = 0;
let isCounting = false;

/** Number of the turn of the event loop; one evaluation of a module, without waiting for anything, is in one turn. */
function presentTurn(): number {
  if (!isCounting) {
    isCounting = true;
    setImmediate(() => {
      isCounting = false;
      turnNumber += 1;
    }).unref();
  }
  return turnNumber;
}

export function findTask(name: string): AnyTask | undefined {
  return tasks.get(name);
}

export function listTasks(): AnyTask[] {
  return [...tasks.values()];
}
