import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import type { TaskView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action, type Done } from "../../components/action.tsx";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { SubmitDialog } from "./submit-dialog.tsx";
import { argsProblem, numberIn, numberText } from "./submit-fields.ts";

const WAITING: ReadonlySet<string> = new Set(["waiting", "prioritized", "delayed", "blocked"]);

/** What can be done to one task. */
export function TaskActions({ task }: { task: TaskView }) {
  const { task: said, workflows } = useWords();
  const navigate = useNavigate();
  const [opened, setOpened] = useState<"again" | "change" | null>(null);
  // What it said stays where it was pressed, also once the task is in another state.
  const [hasRetried, setRetried] = useState(false);
  const mayNot = {
    cancel: useMay("cancel"),
    retry: useMay("retry"),
    workflow: useMay("changeWorkflow"),
    promote: useMay("promote"),
    remove: useMay("removeTask"),
    change: useMay("changeTask"),
    submit: useMay("submit"),
  };
  const { id, name, pool, state, workflow } = task;
  const path = pathOf("tasks", id);
  const query = { pool };
  const isWaiting = WAITING.has(state);
  const isEnded = state === "failed" || state === "cancelled" || state === "completed";
  const job = id.replace(/\.\d+$/, "");
  // One call of a job that several share is neither changed nor removed alone.
  const isPart = job !== id && task.units > 1;

  const cancel = async (reason: string): Promise<Done> => {
    const body = reason === "" ? {} : { reason };
    const done = await call<{ outcome: string; host: string | null }>(`${path}/cancel`, {
      method: "POST",
      query,
      body,
    });
    return { said: done.outcome === "stopping" ? said.stopping(done.host) : said.cancelled };
  };
  const retry = async (): Promise<Done> => {
    await call(`${path}/retry`, { method: "POST", query });
    return { said: said.retried };
  };
  return (
    <>
      {(isWaiting || state === "active") && (
        <span className="contents" data-key="cancel">
          <CancelAction task={task} mayNot={mayNot.cancel} run={cancel} />
        </span>
      )}
      {(state === "failed" || state === "cancelled" || state === "unknown" || hasRetried) && (
        <span className="contents" data-key="retry">
          {workflow === null ? (
            <Action icon="retry" look="primary" disabled={mayNot.retry} onOutcome={setRetried} run={retry}>
              {said.retry}
            </Action>
          ) : (
            <Action
              icon="retry"
              look="primary"
              disabled={mayNot.workflow}
              onOutcome={setRetried}
              question={{
                title: workflows.retryQuestion(workflow),
                facts: said.retryWorkflowFacts(workflow),
                keep: workflows.retryKeep,
                go: workflows.retryGo,
              }}
              run={async () => {
                await call(pathOf("workflows", workflow, "retry"), { method: "POST" });
                return { said: workflows.retried };
              }}
            >
              {said.retryWorkflow}
            </Action>
          )}
        </span>
      )}
      {state === "delayed" && (
        <Action
          icon="play"
          disabled={mayNot.promote}
          run={async () => {
            await call(`${path}/promote`, { method: "POST", query });
            return { said: said.promoted };
          }}
        >
          {said.startNow}
        </Action>
      )}
      {isWaiting && !isPart && (
        <Button icon="edit" disabled={mayNot.change} onClick={() => setOpened("change")}>
          {said.change}
        </Button>
      )}
      <Button
        icon="add"
        disabled={mayNot.submit ?? (task.units > 1 ? said.severalCalls : null)}
        onClick={() => setOpened("again")}
      >
        {said.submitAgain}
      </Button>
      {state !== "active" && !isPart && (
        <Action
          icon="remove"
          look="danger"
          disabled={mayNot.remove}
          question={{
            title: said.removeTitle(name),
            facts: [isEnded ? said.removeEnded : said.removeWaiting, said.noUndo],
            keep: said.keepIt,
            go: said.removeIt,
            dangerous: true,
          }}
          run={async () => {
            await call(path, { method: "DELETE", query });
            await navigate({ to: "/tasks", search: { pool } });
            return { said: said.removed };
          }}
        >
          {said.remove}
        </Action>
      )}
      {opened === "again" && <SubmitDialog from={task} onClose={() => setOpened(null)} />}
      {opened === "change" && <ChangeDialog task={task} onClose={() => setOpened(null)} />}
    </>
  );
}

function CancelAction(props: { task: TaskView; mayNot: string | undefined; run: (reason: string) => Promise<Done> }) {
  const { task, mayNot, run } = props;
  const { task: said, tasks } = useWords();
  const [reason, setReason] = useState("");
  const id = useId();
  const isRunning = task.state === "active";
  return (
    <Action
      icon="stop"
      look="danger"
      disabled={task.cancelRequested === null ? mayNot : said.cancelUnderWay}
      question={{
        title: said.cancelTitle(task.name),
        facts: [
          isRunning ? said.stoppedOn(task.host ?? "?", task.pid === null ? "?" : String(task.pid)) : said.leavesLine,
          said.callerGets,
        ],
        children: (
          <div className="field">
            <label htmlFor={id}>
              {tasks.reason} <span className="soft">{tasks.reasonHint}</span>
            </label>
            <input
              className="input"
              id={id}
              value={reason}
              maxLength={1_000}
              // biome-ignore lint/a11y/noAutofocus: the first field of a dialog gets the focus
              autoFocus
              onChange={(event) => setReason(event.target.value)}
            />
          </div>
        ),
        keep: isRunning ? said.keepRunning : said.keepIt,
        go: said.cancelIt,
        dangerous: true,
      }}
      run={() => run(reason.trim())}
    >
      {said.cancel}
    </Action>
  );
}

/** Changes a task that has not started: priority, delay, arguments. */
function ChangeDialog({ task, onClose }: { task: TaskView; onClose: () => void }) {
  const { task: said, tasks } = useWords();
  const id = useId();
  const [priority, setPriority] = useState(numberText(task.priority));
  const [delay, setDelay] = useState("");
  const [args, setArgs] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const wrong = args.trim() === "" ? null : argsProblem(args, said.argsProblems);
  const change = async (): Promise<void> => {
    if (isBusy) return;
    const [rank, later] = [numberIn(priority), numberIn(delay, 1_000)];
    if (wrong !== null) return setProblem(wrong);
    if (rank === null || later === null) return setProblem(said.numberWrong);
    const body = {
      ...(rank !== (task.priority ?? undefined) && { priority: rank ?? 0 }),
      ...(later !== undefined && { delay: later }),
      ...(args.trim() !== "" && { args: JSON.parse(args) as unknown }),
    };
    if (Object.keys(body).length === 0) return setProblem(tasks.change.nothing);
    setBusy(true);
    try {
      await call(pathOf("tasks", task.id), { method: "PATCH", query: { pool: task.pool }, body });
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={said.changeTitle(task.name)} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void change();
        }}
      >
        <div className="fields">
          <div className="field">
            <label htmlFor={`${id}-priority`}>{tasks.priority}</label>
            <input
              className="input"
              id={`${id}-priority`}
              inputMode="numeric"
              value={priority}
              autoFocus
              onChange={(event) => setPriority(event.target.value)}
            />
            <small>{tasks.priorityHint}</small>
          </div>
          <div className="field">
            <label htmlFor={`${id}-delay`}>{tasks.delay}</label>
            <input
              className="input"
              id={`${id}-delay`}
              inputMode="decimal"
              value={delay}
              onChange={(event) => setDelay(event.target.value)}
            />
            <small>{tasks.delayHint}</small>
          </div>
        </div>
        <div className="field">
          <label htmlFor={`${id}-args`}>{said.newArgs}</label>
          <textarea
            className="input mono"
            id={`${id}-args`}
            rows={3}
            spellCheck={false}
            value={args}
            aria-invalid={wrong !== null}
            onChange={(event) => setArgs(event.target.value)}
          />
          <small className={wrong === null ? undefined : "bad"}>{wrong ?? said.newArgsHint}</small>
        </div>
        <p role="alert" className="bad">
          {problem}
        </p>
      </form>
      <footer>
        <Button onClick={onClose}>{said.notNow}</Button>
        <Button look="primary" busy={isBusy} onClick={() => void change()}>
          {said.changeIt}
        </Button>
      </footer>
    </Dialog>
  );
}
