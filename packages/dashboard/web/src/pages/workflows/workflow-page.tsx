import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import type { WorkflowTree } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { ApiProblem } from "../../api/problem.ts";
import { queryClient, reading } from "../../api/queries.ts";
import { Action } from "../../components/action.tsx";
import { Button } from "../../components/button.tsx";
import { CopyButton, Empty, PageHead, Reading } from "../../components/page.tsx";
import { State } from "../../components/state.tsx";
import { Ago, Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { every } from "../../live/every.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { Progress } from "./workflow-state.tsx";
import { WorkflowTreeView } from "./workflow-tree.tsx";

/** Steps end without an event of their workflow: one that runs is read again so often, ms. */
const LOOK = 1_000;

export function WorkflowPage() {
  const { id } = useParams({ from: "/workflows/$id" });
  const { workflows: said } = useWords();
  const found = useQuery({
    ...reading<WorkflowTree>(pathOf("workflows", id), { topics: [`workflows/${id}`] }),
    ...every(LOOK),
    retry: false,
  });
  const isMissing = found.error instanceof ApiProblem && found.error.status === 404;
  if (isMissing) {
    return (
      <>
        <PageHead title={said.loading} tab={id} crumbs={<Link to="/workflows">{said.title}</Link>} />
        <Empty title={said.missing(id)}>
          <p>{said.missingHint}</p>
          <p>
            <Link to="/workflows">{said.backToAll}</Link>
          </p>
        </Empty>
      </>
    );
  }
  return (
    <>
      <PageHead
        title={
          <>
            <bdi>{found.data?.name || said.loading}</bdi> {found.data && <State pill name={found.data.state} />}
          </>
        }
        tab={id}
        crumbs={<Link to="/workflows">{said.title}</Link>}
        lead={
          <span className="mono id-line">
            <bdi>{id}</bdi> <CopyButton text={id} />
          </span>
        }
        actions={found.data && <Actions workflow={found.data} />}
      />
      <Reading of={found} rows={8}>
        {(workflow) => <Whole workflow={workflow} />}
      </Reading>
    </>
  );
}

function Whole({ workflow }: { workflow: WorkflowTree }) {
  const { workflows: said } = useWords();
  const { id, steps, error, failedStep, root, state, failedReason, createdAt, finishedAt, tags } = workflow;
  const [folding, setFolding] = useState({ isOpen: true, times: 0 });
  const fold = (isOpen: boolean) => () => setFolding({ isOpen, times: folding.times + 1 });
  return (
    <div className="stack gap">
      <section className="card" aria-label={said.steps}>
        <header>
          <h2>{said.steps}</h2>
          <Progress steps={steps} />
        </header>
        <dl className="body facts wide">
          {(["completed", "released", "pending", "failed", "stopped"] as const).map((name) => (
            <div key={name}>
              <dt>{said[name]}</dt>
              <dd>
                <StepCount id={id} name={name} many={steps[name]} />
              </dd>
            </div>
          ))}
          <div>
            <dt>{said.submitted}</dt>
            <dd>
              <Ago at={createdAt} />
            </dd>
          </div>
          <div>
            <dt>{said.took}</dt>
            <dd>{finishedAt === null ? <Lasting since={createdAt} /> : duration(finishedAt - createdAt)}</dd>
          </div>
          {tags.length > 0 && (
            <div>
              <dt>{said.tags}</dt>
              <dd>
                {tags.map((tag) => (
                  <Fragment key={tag}>
                    <Link to="/workflows" search={{ tag }}>
                      <bdi>{tag}</bdi>
                    </Link>{" "}
                  </Fragment>
                ))}
              </dd>
            </div>
          )}
        </dl>
      </section>
      {(error !== null || (state === "cancelled" && failedReason)) && (
        <section className="card" aria-label={said.error}>
          <header>
            <h2>{said.error}</h2>
          </header>
          <div className="body">
            {failedStep !== null && (
              <p>
                <Link to="/tasks/$id" params={{ id: failedStep.id }} search={{}}>
                  {said.failedIn(failedStep.task)}
                </Link>
              </p>
            )}
            <p className="mono">
              <bdi>{error === null ? said.reason(failedReason ?? "") : `${error.name}: ${error.message}`}</bdi>
            </p>
          </div>
        </section>
      )}
      <section className="card" aria-label={said.tree}>
        <header>
          <h2>{said.tree}</h2>
          <span className="push row">
            <Button size="small" look="quiet" onClick={fold(true)}>
              {said.openAll}
            </Button>
            <Button size="small" look="quiet" onClick={fold(false)}>
              {said.closeAll}
            </Button>
          </span>
        </header>
        <div className="body">
          <WorkflowTreeView key={folding.times} id={id} root={root} isOpen={folding.isOpen} />
        </div>
      </section>
    </div>
  );
}

/** States of tasks that steps have which are counted so; the others are not in line, and no tasks. */
const TASK_STATES: Partial<Record<keyof WorkflowTree["steps"], string>> = {
  completed: "completed",
  released: "waiting,prioritized,delayed,active",
  // A step that was cancelled alone has failed for its workflow.
  failed: "failed,cancelled",
};

/** How many steps there are of a kind, which leads to their tasks. */
function StepCount({ id, name, many }: { id: string; name: keyof WorkflowTree["steps"]; many: number }) {
  const state = TASK_STATES[name];
  if (state === undefined || many === 0) return count(many);
  return (
    <Link to="/tasks" search={{ workflow: id, state }}>
      {count(many)}
    </Link>
  );
}

function Actions({ workflow: { id, state, steps } }: { workflow: WorkflowTree }) {
  const { workflows: said } = useWords();
  const mayNot = { change: useMay("changeWorkflow"), remove: useMay("removeWorkflow") };
  // What an action said stays where it was pressed, also once the workflow is in another state.
  const [hasCancelled, setCancelled] = useState(false);
  const [hasRetried, setRetried] = useState(false);
  const isOver = state === "completed" || state === "failed" || state === "cancelled";
  // Where a step has failed the whole, others may still run.
  const isLeft = steps.released > 0;
  const post = async (step: "cancel" | "retry"): Promise<void> => {
    await call(pathOf("workflows", id, step), { method: "POST" });
    await again();
  };
  return (
    <>
      {(!isOver || isLeft || hasCancelled) && (
        <Action
          onOutcome={setCancelled}
          label={said.cancel}
          disabled={mayNot.change}
          question={{
            title: said.cancelQuestion(id),
            facts: said.cancelFacts(count((isOver ? 0 : steps.pending) + steps.released)),
            keep: said.cancelKeep,
            go: said.cancelGo,
            dangerous: true,
          }}
          run={async () => {
            await post("cancel");
            return { said: isOver ? said.stoppedRest : said.cancelled };
          }}
        >
          {said.cancel}
        </Action>
      )}
      {(state === "failed" || state === "cancelled" || hasRetried) && (
        <Action
          onOutcome={setRetried}
          icon="retry"
          label={said.retry}
          disabled={mayNot.change}
          question={{
            title: said.retryQuestion(id),
            facts: said.retryFacts(count(steps.completed)),
            keep: said.retryKeep,
            go: said.retryGo,
          }}
          run={async () => {
            await post("retry");
            return { said: said.retried };
          }}
        >
          {said.retry}
        </Action>
      )}
      {isOver && (
        <Action
          icon="remove"
          label={said.remove}
          disabled={mayNot.remove}
          question={{
            title: said.removeQuestion(id),
            facts: said.removeFacts,
            keep: said.removeKeep,
            go: said.removeGo,
            dangerous: true,
          }}
          run={async () => {
            await call(pathOf("workflows", id), { method: "DELETE" });
            await again();
            return { said: said.removed(id) };
          }}
        >
          {said.remove}
        </Action>
      )}
    </>
  );
}

/** The workflow as it is now. */
async function again(): Promise<void> {
  await queryClient.invalidateQueries({ predicate: ({ queryKey: [path] }) => String(path).startsWith("/workflows") });
}
