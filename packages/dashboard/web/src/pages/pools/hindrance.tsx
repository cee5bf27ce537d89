import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Overview, PoolView } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Command } from "../../components/page.tsx";
import { Glyph, State, type StateName } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";

type Hindrance = NonNullable<PoolView["hindrance"]>;

/** What only takes its time, and needs nobody. */
const CALM: ReadonlySet<Hindrance["reason"]> = new Set(["atSize", "slotsBusy", "limited"]);

/** Pools of which all running tasks wait for a lock, or another object, as the overview finds them. */
export type LockedPools = ReadonlySet<string>;

export function useLockedPools(): LockedPools {
  const { data } = useQuery(reading<Overview>("/overview", { topics: ["pools", "hosts", "objects", "failures"] }));
  return useMemo(() => {
    const findings = data?.attention ?? [];
    return new Set(
      findings.flatMap((finding) => (finding.kind === "deadlock" || finding.kind === "lock-held" ? finding.pools : [])),
    );
  }, [data]);
}

export function isStuck({ name, hindrance }: PoolView, locked: LockedPools): boolean {
  return hindrance !== null && (!CALM.has(hindrance.reason) || locked.has(name));
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
export function Why({ pool, locked }: { pool: PoolView; locked: LockedPools }) {
  const { pools: said, states } = useWords();
  const { hindrance } = pool;
  if (!hindrance) return null;
  const { reason, hosts, tasks, count: many } = hindrance;
  if (CALM.has(reason) && locked.has(pool.name)) {
    return (
      <span className="why">
        <State name="blocked">
          <span className="cut" title={said.locked}>
            {said.locked}
          </span>
        </State>
      </span>
    );
  }
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
  const locked = useLockedPools();
  const { hindrance } = pool;
  if (!hindrance) return null;
  if (CALM.has(hindrance.reason)) {
    if (!locked.has(pool.name)) return null;
    return (
      <div className="note bad">
        <Glyph name="blocked" />
        <div className="grow">
          <b>{said.lockedSentence(count(hindrance.count))}</b> <Link to="/objects">{said.toWaitGraph}</Link>
        </div>
      </div>
    );
  }
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
        {hosts.length > 0 && (
          <>
            {said.theyAre(hosts.map(({ name, state }) => `${name} (${stateWord(states, state)})`).join(", "))}{" "}
            <Link to="/hosts">{said.toHosts}</Link>{" "}
          </>
        )}
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
