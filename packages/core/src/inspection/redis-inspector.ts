import { ValueError } from "../errors/index.ts";
import { type RedisClient, roundTripOf } from "../redis/connection/index.ts";
import type { Milliseconds } from "../time/index.ts";
import {
  type Allowed,
  type ClientRole,
  ifAllowed,
  type MemorySample,
  readClients,
  readServerFacts,
  readServerTrend,
  readSlowCommands,
  type ServerFacts,
  type ServerPoint,
  type ServerWarning,
  type SlowCommand,
  sampleMemory,
  serverWarnings,
} from "../work/server/index.ts";
import { type InspectorPlace, liveHosts } from "./place.ts";
import { poolNames } from "./work/index.ts";

/** How long Redis takes to answer, as one process sees it. */
export interface SeenLatency {
  /** Name of a host; null = this program. */
  host: string | null;
  /** Average of late, ms. */
  typical: Milliseconds;
  /** What hardly any answer exceeds, ms. */
  longest: Milliseconds;
}

export interface RedisView {
  server: ServerFacts;
  memory: Allowed<MemorySample>;
  slow: Allowed<SlowCommand[]>;
  clients: Allowed<ClientRole[]>;
  latency: SeenLatency[];
  /** What needs somebody, in sentences. */
  warnings: (Pick<ServerWarning, "code" | "level"> & { text: string })[];
}

/** What asks much of the server is asked once in this time, ms. */
const FRESH: Milliseconds = 10_000;

/** Looks at the server itself. Figures that Redis does not give to this user come with the reason. */
export class RedisInspector {
  readonly #place: InspectorPlace;
  #last: { at: number; view: Promise<RedisView> } | undefined;

  /** @internal */
  constructor(place: InspectorPlace) {
    this.#place = place;
  }

  /** How it is now; many who ask within ten seconds get one answer. */
  get(): Promise<RedisView> {
    const now = performance.now();
    if (this.#last !== undefined && now - this.#last.at < FRESH) return this.#last.view;
    const view = this.#place.during(() => this.#read());
    this.#last = { at: now, view };
    view.catch(() => {
      this.#last = undefined;
    });
    return view;
  }

  /**
   * How it was, the oldest first: hosts note it every five minutes, for a week.
   * @param last - So many ms back, up to 8 days. @defaultValue a day
   * @throws ValueError for anything else
   */
  trend({ last = 86_400_000 }: { last?: Milliseconds | undefined } = {}): Promise<ServerPoint[]> {
    return this.#place.during(async () => {
      if (!(Number.isFinite(last) && last > 0 && last <= 8 * 86_400_000)) {
        throw new ValueError(`last must be ms, up to 8 days; got ${String(last)}`);
      }
      const { client, keys } = this.#place;
      const [seconds] = await client.time();
      return readServerTrend({ client, keys }, Math.max(0, Number(seconds) * 1_000 - last));
    });
  }

  async #read(): Promise<RedisView> {
    const { client, keys } = this.#place;
    const [server, pools, hosts] = await Promise.all([
      readServerFacts(client),
      poolNames(client, keys),
      liveHosts(this.#place),
    ]);
    const [memory, slow, clients] = await Promise.all([
      ifAllowed("memory|usage", () => sampleMemory({ client, keys }, server.keys, pools)),
      ifAllowed("slowlog|get", () => readSlowCommands(client, keys)),
      ifAllowed("client|list", () => readClients(client)),
    ]);
    const seen = hosts.flatMap(({ name, roundTrip }) => (roundTrip ? [{ host: name, ...roundTrip }] : []));
    return {
      ...{ server, memory, slow, clients },
      latency: [...ownLatency(client), ...seen],
      warnings: serverWarnings(server).map(({ code, level, what, advice }) => {
        return { code, level, text: `${what}; ${advice}` };
      }),
    };
  }
}

function ownLatency(client: RedisClient): SeenLatency[] {
  const { typical, longest } = roundTripOf(client);
  return typical === 0 ? [] : [{ host: null, typical, longest }];
}
