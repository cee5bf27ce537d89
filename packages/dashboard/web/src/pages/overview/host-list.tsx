import { Link } from "@tanstack/react-router";
import type { Overview } from "../../../../src/api/types.ts";
import { Dots, type SlotState } from "../../components/meter.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { bytes, count, percent } from "../../format/numbers.ts";
import { wholeDuration } from "../../format/times.ts";
import { useNow } from "../../live/clock.ts";
import { useWords } from "../../words/index.ts";

type Host = Overview["hosts"][number];

/** Hosts with their slots. */
export function HostList({ hosts }: { hosts: readonly Host[] }) {
  return (
    <ul className="card pick">
      {hosts.map((host) => (
        <li key={host.id}>
          <OneHost host={host} />
        </li>
      ))}
    </ul>
  );
}

function OneHost({ host }: { host: Host }) {
  const { overview: said } = useWords();
  const now = useNow();
  const { id, name, state, slots, busy, waitForLocks, cpu, memory, task } = host;
  const takesWork = state === "running" || state === "starting";
  const waits = Math.min(waitForLocks, busy);
  const text =
    said.slots(count(busy), count(slots)) +
    (waits > 0 ? said.slotsWaiting(waits) : "") +
    (takesWork ? "" : said.takesNothing);
  const dots = Array.from({ length: Math.max(slots, busy) }, (_, index): SlotState => {
    if (index < busy - waits) return "busy";
    if (index < busy) return "wait";
    return takesWork ? "free" : "shut";
  });
  const use = [...(cpu === null ? [] : [said.cpu(percent(cpu))]), bytes(memory)].join(", ");
  return (
    <Link to="/hosts/$id" params={{ id }}>
      <span className="top">
        <b>{name}</b>
        <span className="push">{isStateName(state) ? <State name={state} pill /> : state}</span>
      </span>
      <span className="row">
        <Dots slots={dots} label={text} />
        <span className="soft">{text}</span>
      </span>
      <span className="meta">
        <span>{use}</span>
        {task && <span>{said.soFar(task.name, wholeDuration(now - task.since))}</span>}
      </span>
    </Link>
  );
}
