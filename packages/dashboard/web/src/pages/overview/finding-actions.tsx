import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Finding, FindingAction } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action, type ActionProps } from "../../components/action.tsx";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Command } from "../../components/page.tsx";
import { useMay } from "../../visitor/may.ts";
import { useWords, type Words } from "../../words/index.ts";
import { cancelAndRetry } from "../objects/end-wait.ts";

type FindingTexts = Words["findings"];

/** The buttons of a finding. */
export function FindingActions(props: Omit<OneProps, "action"> & { finding: Finding }) {
  const { finding, isPrimary, ...more } = props;
  return finding.actions.map((action, index) => (
    <OneAction key={action.kind} action={action} isPrimary={isPrimary && index === 0} {...more} />
  ));
}

interface OneProps<Kind extends FindingAction["kind"] = FindingAction["kind"]> {
  action: Extract<FindingAction, { kind: Kind }>;
  isPrimary: boolean;
  isAway: boolean;
  /** An outcome is shown beside a button, or no more. */
  onOutcome: (isShown: boolean) => void;
}

function OneAction({ action, ...more }: OneProps) {
  switch (action.kind) {
    case "start-host":
      return <StartHost pool={action.pool} />;
    case "cancel-and-retry":
    case "release":
    case "pause-pool":
    case "resume-pool":
    case "reset-pool":
    case "remove-pool":
    case "resume-host":
    case "stop-drain":
      return <Change action={action} {...more} />;
    default:
      return <See action={action} />;
  }
}

const RIGHTS = {
  "cancel-and-retry": "cancel",
  release: "releaseObject",
  "pause-pool": "changePool",
  "resume-pool": "changePool",
  "reset-pool": "resetPool",
  "remove-pool": "removePool",
  "resume-host": "steerHost",
  "stop-drain": "steerHost",
} as const;

type ChangeKind = keyof typeof RIGHTS;

/** Whether an action changes something; others lead to a page. */
export function isChange(action: FindingAction | undefined): boolean {
  return action !== undefined && Object.hasOwn(RIGHTS, action.kind);
}

function Change({ action, isPrimary, isAway, onOutcome }: OneProps<ChangeKind>) {
  const { findings: said } = useWords();
  const forbidden = useMay(RIGHTS[action.kind]);
  const { children, ...rest } = changeOf(action, said);
  return (
    <Action
      {...rest}
      look={isPrimary ? "primary" : "plain"}
      disabled={isAway ? said.away : forbidden}
      onOutcome={onOutcome}
    >
      {children}
    </Action>
  );
}

function changeOf(action: Extract<FindingAction, { kind: ChangeKind }>, said: FindingTexts): ActionProps {
  const { ask, actions } = said;
  switch (action.kind) {
    case "cancel-and-retry": {
      const { task, id, host } = action;
      return {
        children: actions.cancelAndRetry(task),
        question: {
          title: ask.cancelAndRetry(task, id),
          facts: ask.cancelFacts(host),
          keep: ask.cancelKeep,
          go: ask.cancelGo,
        },
        run: async () => {
          await cancelAndRetry({ id, name: task });
          return { said: ask.cancelled(task) };
        },
      };
    }
    case "release": {
      const { object, session } = action;
      return {
        children: actions.release,
        question: {
          title: ask.release(object.name),
          facts: ask.releaseFacts,
          keep: ask.releaseKeep,
          go: ask.releaseGo,
        },
        run: async () => {
          await call(`${pathOf("objects", object.kind, object.name)}/release`, { method: "POST", body: { session } });
          return { said: ask.released(object.name) };
        },
      };
    }
    case "pause-pool":
      return {
        icon: "pause",
        children: actions.pause(action.pool),
        question: {
          title: ask.pause(action.pool),
          facts: ask.pauseFacts,
          keep: ask.pauseKeep,
          go: ask.pauseGo(action.pool),
        },
        run: async () => {
          await changePool(action.pool, { paused: true });
          const undo = async () => {
            await changePool(action.pool, { paused: false });
            return { said: ask.resumed(action.pool) };
          };
          return { said: ask.paused(action.pool), undo };
        },
      };
    case "resume-pool":
      return {
        icon: "play",
        children: actions.resume(action.pool),
        run: async () => {
          await changePool(action.pool, { paused: false });
          const undo = async () => {
            await changePool(action.pool, { paused: true });
            return { said: ask.paused(action.pool) };
          };
          return { said: ask.resumed(action.pool), undo };
        },
      };
    case "reset-pool":
      return {
        icon: "retry",
        children: actions.reset(action.pool),
        run: async () => {
          await call(`${pathOf("pools", action.pool)}/reset`, { method: "POST" });
          return { said: ask.reset(action.pool) };
        },
      };
    case "remove-pool":
      return {
        icon: "remove",
        children: actions.remove(action.pool),
        question: {
          title: ask.remove(action.pool),
          facts: ask.removeFacts,
          keep: ask.removeKeep,
          go: actions.remove(action.pool).replace("…", ""),
          dangerous: true,
        },
        run: async () => {
          await call(pathOf("pools", action.pool), { method: "DELETE" });
          return { said: ask.removed(action.pool) };
        },
      };
    case "resume-host":
      return {
        icon: "play",
        children: actions.resumeHost(action.host.name),
        run: async () => {
          await call(`${pathOf("hosts", action.host.id)}/resume`, { method: "POST" });
          return { said: ask.hostResumed(action.host.name) };
        },
      };
    case "stop-drain":
      return {
        icon: "play",
        children: actions.stopDrain,
        run: async () => {
          await call(`${pathOf("hosts", action.host.id)}/resume`, { method: "POST" });
          return { said: ask.drainStopped(action.host.name) };
        },
      };
  }
}

function changePool(pool: string, change: { paused: boolean }): Promise<unknown> {
  return call(pathOf("pools", pool), { method: "PATCH", body: change });
}

function StartHost({ pool }: { pool: string | null }) {
  const { findings: said, common } = useWords();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{said.actions.startHost}</Button>
      {isOpen && (
        <Dialog title={said.ask.startHost} onClose={() => setOpen(false)}>
          <p>{said.ask.startHostFacts}</p>
          <Command text={`manyhands worker --tasks tasks.ts${pool === null ? "" : ` --pools ${pool}`}`} />
          <footer>
            <Button onClick={() => setOpen(false)}>{common.close}</Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

function See({ action }: { action: FindingAction }) {
  const { actions } = useWords().findings;
  switch (action.kind) {
    case "see-failure":
      return (
        <Link className="btn" to="/failures" search={{ group: action.group }}>
          {actions.seeFailure}
        </Link>
      );
    case "see-tasks": {
      const { pool, task, state } = action;
      return (
        <Link className="btn quiet" to="/tasks" search={{ ...(pool && { pool }), ...(task && { task }), state }}>
          {actions.seeTasks}
        </Link>
      );
    }
    case "see-object":
      return (
        <Link className="btn" to="/objects" search={{ object: `${action.object.kind}/${action.object.name}` }}>
          {actions.seeObject}
        </Link>
      );
    case "see-host":
      return (
        <Link className="btn" to="/hosts/$id" params={{ id: action.host.id }}>
          {actions.seeHost}
        </Link>
      );
    case "see-pool":
      return (
        <Link className="btn" to="/pools/$name" params={{ name: action.pool }}>
          {actions.seePool}
        </Link>
      );
    case "see-waits":
      return (
        <Link className="btn" to="/objects">
          {actions.seeWaits}
        </Link>
      );
    case "see-schedules":
      return (
        <Link className="btn" to="/schedules">
          {actions.seeSchedules}
        </Link>
      );
    case "see-dead-letters":
      return (
        <Link className="btn" to="/dead-letters">
          {actions.seeDeadLetters}
        </Link>
      );
    default:
      return (
        <Link className="btn" to="/redis">
          {actions.seeRedis}
        </Link>
      );
  }
}
