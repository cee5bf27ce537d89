import type { Milliseconds } from "../time/index.ts";
import type { ControlMessage, HostRecord } from "../wire/records/records.ts";
import { chooseHost } from "../work/fleet/index.ts";
import { assertText, type InspectorPlace, liveHosts } from "./place.ts";

/** Looks at the worker hosts of the namespace and steers them (`mp.fleet`). Every answer is read afresh. */
export class FleetInspector {
  readonly #place: InspectorPlace;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
  }

  /** Live hosts, by name. */
  list(): Promise<HostRecord[]> {
    return this.#place.during(() => liveHosts(this.#place));
  }

  /**
   * The live host of that id, or the only one of that name; null when there is none.
   * @throws ValueError when several have the name, with their ids
   */
  get(idOrName: string): Promise<HostRecord | null> {
    return this.#place.during(() => this.#choose(idOrName));
  }

  /**
   * Tells a host to take no more work, to finish what it runs and to end.
   * @param options - `grace`: milliseconds for running tasks; without it what the host was started with
   * @returns the host, or null when none of that id or name is live
   * @throws ValueError when several have the name, with their ids
   */
  drain(
    idOrName: string,
    { grace = null }: { grace?: Milliseconds | null | undefined } = {},
  ): Promise<HostRecord | null> {
    return this.#place.during(async () => {
      const host = await this.#choose(idOrName);
      if (!host) return null;
      const message: ControlMessage = { type: "drain", grace };
      await this.#place.client.publish(this.#place.keys.hostControl(host.id), JSON.stringify(message));
      return host;
    });
  }

  async #choose(idOrName: string): Promise<HostRecord | null> {
    assertText("the id or name of a host", idOrName);
    return chooseHost(await liveHosts(this.#place), idOrName);
  }
}
