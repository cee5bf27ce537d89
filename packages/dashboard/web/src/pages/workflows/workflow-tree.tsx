import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { WorkflowPart } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Button } from "../../components/button.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";
import { PartState } from "./workflow-state.tsx";

/** Equal steps that follow each other are one line from so many on. */
const FOLDED_FROM = 6;
/** Parts that are read with one press. */
const PAGE = 250;

/**
 * The tree of a workflow: chains and groups fold, with the keyboard too; many equal steps are one line with their number.
 * @param props.isOpen - Whether chains and groups begin unfolded.
 */
export function WorkflowTreeView({ id, root, isOpen }: { id: string; root: WorkflowPart; isOpen: boolean }) {
  const { workflows: said } = useWords();
  return (
    <ul className="wf-tree" aria-label={said.tree}>
      <Part id={id} part={root} isOpen={isOpen} />
    </ul>
  );
}

interface PartProps {
  id: string;
  part: WorkflowPart;
  isOpen: boolean;
}

function Part({ id, part, isOpen }: PartProps) {
  if (part.kind === "step") {
    return (
      <li>
        <Step part={part} />
      </li>
    );
  }
  return (
    <li>
      <details open={isOpen}>
        <summary>
          <Branch part={part} />
        </summary>
        <Parts id={id} part={part} isOpen={isOpen} />
      </details>
    </li>
  );
}

/** Its parts that were read, and those that are asked for. */
function Parts({ id, part, isOpen }: PartProps) {
  const { workflows: said } = useWords();
  const [more, setMore] = useState<readonly WorkflowPart[]>([]);
  const [isBusy, setBusy] = useState(false);
  const parts = [...part.parts, ...more];
  const left = part.count - parts.length;
  const read = async (): Promise<void> => {
    if (isBusy) return;
    setBusy(true);
    try {
      const page = await call<{ parts: WorkflowPart[] }>(pathOf("workflows", id, "parts"), {
        query: { node: part.number, from: parts.length, count: PAGE },
      });
      setMore([...more, ...page.parts]);
    } finally {
      setBusy(false);
    }
  };
  return (
    <ul>
      {runsOf(parts).map((run) => {
        const [first] = run as [WorkflowPart];
        return run.length < FOLDED_FROM ? (
          run.map((one) => <Part key={one.number} id={id} part={one} isOpen={isOpen} />)
        ) : (
          <li key={`${first.number} folded`}>
            <details>
              <summary>
                <PartState state={first.state} /> <bdi>{said.folded(count(run.length), first.task ?? "")}</bdi>{" "}
                <Why part={first} />
              </summary>
              <ul>
                {run.map((one) => (
                  <Part key={one.number} id={id} part={one} isOpen={isOpen} />
                ))}
              </ul>
            </details>
          </li>
        );
      })}
      {left > 0 && (
        <li>
          <Button size="small" onClick={() => void read()}>
            {said.moreParts(count(Math.min(left, PAGE)))}
          </Button>
        </li>
      )}
    </ul>
  );
}

/** Why it is blocked. */
function Why({ part: { blockedBy } }: { part: WorkflowPart }) {
  if (blockedBy === null) return null;
  return (
    <small className="soft">
      <bdi>{blockedBy}</bdi>
    </small>
  );
}

function Step({ part }: { part: WorkflowPart }) {
  const { state, task, pool, jobId } = part;
  const isSubmitted = state !== "pending" && state !== "stopped";
  return (
    <span className="row">
      <PartState state={state} />
      {isSubmitted && jobId !== null && pool !== null ? (
        <Link to="/tasks/$id" params={{ id: jobId }} search={{ pool }}>
          <bdi>{task}</bdi>
        </Link>
      ) : (
        <bdi>{task}</bdi>
      )}
      <small className="soft">
        <bdi>{pool}</bdi>
      </small>
      <Why part={part} />
    </span>
  );
}

function Branch({ part: { kind, state, count: parts, ended, errors } }: { part: WorkflowPart }) {
  const { workflows: said } = useWords();
  if (kind === "step") return null;
  return (
    <span className="row">
      <PartState state={state} />
      <b>{said.kind[kind](count(parts))}</b>
      {ended !== null && <small className="soft">{said.ended(count(ended))}</small>}
      {errors === "return" && <small className="soft">{said.returnsErrors}</small>}
    </span>
  );
}

/** Steps of one task in one state that follow each other, together; all others alone. */
function runsOf(parts: readonly WorkflowPart[]): WorkflowPart[][] {
  const runs: WorkflowPart[][] = [];
  for (const part of parts) {
    const run = runs.at(-1);
    const [first] = run ?? [];
    const isSame = first?.task === part.task && first.state === part.state && first.blockedBy === part.blockedBy;
    if (run && first?.kind === "step" && isSame) run.push(part);
    else runs.push([part]);
  }
  return runs;
}
