import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { HostView } from "../../../../src/api/types.ts";
import { Dots, type SlotState } from "../../components/meter.tsx";
import { Glyph, isStateName, State } from "../../components/state.tsx";
import { Ago, Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import { useWords } from "../../words/index.ts";
import type { Wait } from "./use-waits.ts";

export function HostState({ state }: { state: string }) {
  return isStateName(state) ? <State name={state} pill /> : <span className="pill">{state}</span>;
}

/** Most slots that are drawn one by one. */
const MOST_DOTS = 32;

/** The slots of a host, one by one. @param waits - How many of the running tasks wait for a lock */
export function Slots({ host, waits = 0 }: { host: HostView; waits?: number }) {
  const { hosts: said } = useWords();
  const busy = host.running.length;
  const isShut = host.state !== "running";
  const total = Math.max(host.slots, busy);
  const dots = Array.from({ length: Math.min(total, MOST_DOTS) }, (_, index): SlotState => {
    if (index >= busy) return isShut || index >= host.slots ? "shut" : "free";
    return index >= busy - waits ? "wait" : "busy";
  });
  return (
    <span className="slots">
      <Dots slots={dots} label={said.busySlots(count(busy), count(host.slots), waits)} />{" "}
      <span className="soft">{said.ofSlots(count(busy), count(host.slots))}</span>
    </span>
  );
}

/** What a running task waits for, with the way to it. */
export function WaitsFor({ wait }: { wait: Wait | undefined }) {
  const said = useWords();
  if (!wait) return null;
  const { kind, name } = wait;
  return (
    <small className="warn">
      {said.hosts.waitsFor(said.objects.kind[kind] ?? kind)}{" "}
      <Link to="/objects" search={{ object: `${kind}/${name}` }}>
        <bdi>{visible(name)}</bdi>
      </Link>
    </small>
  );
}

/** What is the matter with a host that does not simply run. */
export function HostNote({ host, children }: { host: HostView; children?: ReactNode }) {
  const { hosts: said, states } = useWords();
  const words: Readonly<Record<string, string>> = states;
  const { state, step, stepSince, troubles } = host;
  if (state === "running" && troubles.length === 0) return null;
  const isBad = state === "deaf" || state === "unready";
  return (
    <div className={isBad ? "note bad" : state === "running" ? "note info" : "note warn"}>
      <Glyph name={isStateName(state) && state !== "running" ? shapeOf(state) : "warn"} />
      <div className="grow">
        {state !== "running" && (
          <>
            <b>
              {words[state] ?? state}. {said.states[state] ?? ""}
            </b>{" "}
          </>
        )}
        {step !== null && stepSince !== null && (
          <span>
            {said.sinceStep(said.steps[step])} <Lasting since={stepSince} />.
          </span>
        )}
        {troubles.length > 0 && (
          <ul className="plain">
            {troubles.map(({ pool, reason, since, takesWork }) => (
              <li key={`${pool}\n${reason}`}>
                <span>
                  {pool !== null && <b>{said.troubleOf(pool)}: </b>}
                  {pool !== null && `${takesWork ? said.jobsWait : said.noWork}: `}
                  <bdi>{reason}</bdi> (<Ago at={since} />)
                </span>
              </li>
            ))}
          </ul>
        )}
        {children}
      </div>
    </div>
  );
}

function shapeOf(state: string) {
  return state === "draining" ? "draining" : state === "quiet" ? "paused" : state === "starting" ? "waiting" : "warn";
}

/** Memory of a host and of its children, bytes. */
export function memoryOf(host: HostView): number {
  return host.memory + host.children.reduce((sum, { memory }) => sum + (memory ?? 0), 0);
}
