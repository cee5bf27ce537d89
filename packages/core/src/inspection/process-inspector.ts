import { ValueError } from "../errors/index.ts";
import type { ProcessRecord } from "../wire/records/process.ts";
import type { ProcessEnding } from "../wire/records/records.ts";
import { type EndingOutcome, endProcess, ProcessRegistry } from "../work/process/index.ts";
import { assertText, type InspectorPlace } from "./place.ts";

/** Looks at processes and ends them, whichever program started them (`mp.processes`). Every answer is read afresh. */
export class ProcessInspector {
  readonly #place: InspectorPlace;
  readonly #registry: ProcessRegistry;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
    this.#registry = new ProcessRegistry(place.client, place.keys);
  }

  /** Processes that wait or run, newest first. @param options.ended - Also those of the last hour that have ended. */
  list(options: { ended?: boolean | undefined } = {}): Promise<ProcessRecord[]> {
    return this.#place.during(() => this.#list(options.ended === true));
  }

  /**
   * The process of that id, or the only live one of that name; null when there is none.
   * @throws ValueError when several live ones have the name, with their ids
   */
  get(idOrName: string): Promise<ProcessRecord | null> {
    return this.#place.during(() => this.#choose(idOrName));
  }

  /**
   * Ends a process with SIGTERM, which makes its exit code -15. One that waits does not start.
   * @returns `told`: its host ends it; `withdrawn`: it never ran; `ended` before; `unknown`: there is none
   * @throws ValueError when several live ones have the name, with their ids
   */
  terminate(idOrName: string): Promise<EndingOutcome> {
    return this.#end(idOrName, "terminate");
  }

  /** As {@link terminate}, with SIGKILL and exit code -9. */
  kill(idOrName: string): Promise<EndingOutcome> {
    return this.#end(idOrName, "kill");
  }

  #end(idOrName: string, how: ProcessEnding): Promise<EndingOutcome> {
    return this.#place.during(async () => {
      const process = await this.#choose(idOrName);
      return process === null ? "unknown" : endProcess(this.#place, process.id, how);
    });
  }

  async #list(ended: boolean): Promise<ProcessRecord[]> {
    const [live, over] = await Promise.all([this.#registry.live(), ended ? this.#registry.ended() : []]);
    return [...live, ...over].sort((left, right) => right.createdAt - left.createdAt);
  }

  async #choose(idOrName: string): Promise<ProcessRecord | null> {
    assertText("the id or name of a process", idOrName);
    const byId = await this.#registry.get(idOrName);
    if (byId) return byId;
    const named = (await this.#list(false)).filter((process) => process.name === idOrName);
    const [only, second] = named;
    if (!second) return only ?? null;
    const ids = named.map((process) => process.id).join(", ");
    throw new ValueError(`several processes have the name "${idOrName}"; name one by its id: ${ids}`);
  }
}
