import type { PoolView } from "../../../../src/api/types.ts";
import { Command } from "../../components/page.tsx";
import { Glyph, State, type StateName } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";

type Hindrance = NonNullable<PoolView["hindrance"]>;

/** What only takes its time, and needs nobody. */
const CALM: ReadonlySet<Hindrance["reason"]> = new Set(["atSize", "slotsBusy"]);

export function isStuck({ hindrance }: PoolView): boolean {
  return hindrance !== null && !CALM.has(hindrance.reason);
}

/** Tasks that are due and not started. */
export function waitingOf({ waiting, prioritized, parked, limited }: PoolView): number {
  return waiting + prioritized + parked + limited;
}

/** Those that may not start yet. */
export function delayedOf({ delayed, parked, limited }: PoolView): number {
  return Math.max(0, delayed - parked - limited);
}

/** How many can run at once. */
export function roomOf({ size, slots }: PoolView): number {
  return size ?? slots;
}

export function stateOf(pool: PoolView): keyof ReturnType<typeof useWords>["pools"]["states"] {
  if (pool.state !== "running") return pool.state;
  return pool.paused ? "paused" : "running";
}

export function PoolState({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const state = stateOf(pool);
  const shape: StateName = state === "terminated" ? "terminated" : state;
  return (
    <State name={shape} pill>
      {said.states[state]}
    </State>
  );
}

/** Why what waits in a pool does not go on, in a few words. */
export function Why({ pool }: { pool: PoolView }) {
  const { pools: said, states } = useWords();
  const { hindrance } = pool;
  if (!hindrance) return null;
  const { reason, hosts, tasks, count: many } = hindrance;
  const [host] = hosts;
  const more =
    (reason === "noHost" || reason === "unknownTasks") && host
      ? `: ${host.name} ${stateWord(states, host.state)}`
      : reason === "unknownTasks" && tasks[0] !== undefined
        ? `: ${tasks[0]}`
        : "";
  // One that knows the task is there, and takes no work.
  const what = reason === "unknownTasks" && host ? said.reasons.noHost : said.reasons[reason];
  return (
    <span className="why">
      <State name={CALM.has(reason) ? "waiting" : reason === "failed" ? "failed" : "blocked"}>
        <span className="cut" title={`${count(many)}: ${what}${more}`}>
          {what}
          {more}
        </span>
      </State>
    </span>
  );
}

/** The same in sentences, with what helps. */
export function HindranceNote({ pool }: { pool: PoolView }) {
  const { pools: said, states } = useWords();
  const { hindrance } = pool;
  if (!hindrance || CALM.has(hindrance.reason)) return null;
  const { reason, hosts, tasks } = hindrance;
  const needsHost = (reason === "noHost" || reason === "unknownTasks") && hosts.length === 0;
  return (
    <div className={reason === "paused" || reason === "removing" ? "note warn" : "note bad"}>
      <Glyph name={reason === "failed" ? "failed" : "blocked"} />
      <div className="grow">
        <b>
          {reason === "unknownTasks" && hosts.length > 0
            ? said.knowersOff(count(hindrance.count))
            : said.sentences[reason](count(hindrance.count))}
        </b>{" "}
        {hosts.length > 0 &&
          said.theyAre(hosts.map(({ name, state }) => `${name} (${stateWord(states, state)})`).join(", "))}
        {tasks.length > 0 && said.theTasks(tasks.join(", "))}
        {needsHost && (
          <div className="stack tight">
            <span>{said.startHost}</span>
            <Command text="npx manyhands worker --tasks tasks.ts" />
          </div>
        )}
      </div>
    </div>
  );
}

function stateWord(states: ReturnType<typeof useWords>["states"], state: string): string {
  return (states as Readonly<Record<string, string>>)[state] ?? state;
}
