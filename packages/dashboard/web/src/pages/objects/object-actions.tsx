import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import type { ObjectView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action } from "../../components/action.tsx";
import { count } from "../../format/numbers.ts";
import { wholeDuration } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import type { ObjectSearch } from "../../router.tsx";
import { useMay } from "../../visitor/may.ts";
import { useWords, type Words } from "../../words/index.ts";
import { cancelTask, lookAgain, releaseObject } from "./end-wait.ts";
import { kindName, nameOf, placeOf } from "./names.ts";

type Holder = ObjectView["holders"][number];

/** A lease is renewed at a third of it; without word of it, that of a program counts, ms. */
const USUAL_LEASE = 30_000;
const FENCED = new Set(["lock", "rlock", "read-write-lock"]);

function within({ lease }: ObjectView): string {
  return wholeDuration((lease ?? USUAL_LEASE) / 3);
}

/** What can be done to an object as a whole. */
export function ObjectActions({ object }: { object: ObjectView }) {
  // What it did may leave an action nothing to do: it stays until that is read.
  const [isToldOf, setToldOf] = useState(false);
  return (
    <span className="push row">
      {(object.holders.length > 0 || isToldOf) && <Release object={object} onOutcome={setToldOf} />}
      {object.kind === "semaphore" && <Permits object={object} />}
      <Remove object={object} />
    </span>
  );
}

function nextFact(object: ObjectView, said: Words): string {
  const next = object.waiters.find(({ isAlive }) => isAlive);
  return next ? said.objects.releaseNext(nameOf(next, said)) : said.objects.releaseFree;
}

function Release({ object, onOutcome }: { object: ObjectView; onOutcome: (isShown: boolean) => void }) {
  const said = useWords();
  const words = said.objects;
  const { kind, name, holders } = object;
  const [first] = holders;
  const who =
    first && holders.length === 1
      ? words.releaseHolder(nameOf(first, said), within(object))
      : words.releaseHolders(count(holders.length), within(object));
  return (
    <Action
      icon="release"
      disabled={useMay("releaseObject")}
      onOutcome={onOutcome}
      question={{
        title: words.releaseTitle(kindName(kind, said), visible(name)),
        facts: [who, FENCED.has(kind) ? words.releaseFence : words.releaseNoFence, nextFact(object, said)],
        keep: words.keepHeld,
        go: words.releaseGo,
        dangerous: true,
      }}
      run={() => releaseObject({ kind, name })}
    >
      {words.release}
    </Action>
  );
}

/** Takes back what one of several has. */
export function ReleaseOne({ object, holder }: { object: ObjectView; holder: Holder }) {
  const said = useWords();
  const words = said.objects;
  const { kind, name } = object;
  const who = nameOf(holder, said);
  return (
    <Action
      icon="release"
      size="small"
      look="quiet"
      label={words.releaseOf(who)}
      disabled={useMay("releaseObject")}
      question={{
        title: words.releaseOneTitle(who),
        facts: [
          words.releaseHolder(who, within(object)),
          FENCED.has(kind) ? words.releaseFence : words.releaseNoFence,
          nextFact(object, said),
        ],
        keep: words.keepHeld,
        go: words.releaseGo,
        dangerous: true,
      }}
      run={() => releaseObject({ kind, name }, holder.session)}
    />
  );
}

/** Ends the wait of a task: by cancelling it. */
export function StopWait({ waiter }: { waiter: ObjectView["waiters"][number] }) {
  const said = useWords();
  const words = said.objects;
  const may = useMay("cancel");
  const { task } = waiter;
  if (task === null) return null;
  const who = nameOf(waiter, said);
  return (
    <Action
      icon="close"
      size="small"
      look="quiet"
      label={words.stopWait(who)}
      disabled={may}
      question={{
        title: words.cancelOnlyTitle(who),
        facts: [words.cancelOnlyFact(placeOf(waiter, said)), words.callerOnlyFact],
        keep: words.keepRunning,
        go: words.cancelGo,
        dangerous: true,
      }}
      run={() => cancelTask({ id: task.id, name: who })}
    />
  );
}

/** Gives permits back that were taken without a lease. */
function Permits({ object }: { object: ObjectView }) {
  const { objects: words } = useWords();
  const may = useMay("releaseObject");
  const id = useId();
  const state = object.state as { value: number; initial: number };
  const leased = object.holders.reduce((sum, holder) => sum + holder.count, 0);
  const out = Math.max(0, state.initial - state.value - leased);
  const [text, setText] = useState("1");
  const [isToldOf, setToldOf] = useState(false);
  if (out === 0 && !isToldOf) return null;
  const permits = Number(text);
  return (
    <Action
      disabled={may}
      onOutcome={setToldOf}
      question={{
        title: words.permitsTitle(visible(object.name)),
        facts: [words.withoutLease(count(out)), words.permitsFact],
        children: (
          <div className="field">
            <label htmlFor={id}>{words.permitsField}</label>
            <input
              id={id}
              className="input number"
              inputMode="numeric"
              value={text}
              onChange={({ target }) => setText(target.value)}
            />
          </div>
        ),
        keep: words.keepPermits,
        go: words.permitsGo,
      }}
      run={async () => {
        if (!Number.isInteger(permits) || permits < 1 || permits > out) {
          throw new Error(words.permitsWrong(text, String(out)));
        }
        await call(`${pathOf("objects", "semaphore", object.name)}/release`, { method: "POST", body: { permits } });
        lookAgain();
        return { said: words.permitsDone(count(permits)) };
      }}
    >
      {words.permitsBack}
    </Action>
  );
}

const EMPTY_ANEW = new Set(["lock", "rlock", "read-write-lock", "condition"]);

function Remove({ object }: { object: ObjectView }) {
  const said = useWords();
  const words = said.objects;
  const { kind, name, holders, waiters, summary } = object;
  const navigate = useNavigate();
  const waiting = waiters.filter(({ isAlive }) => isAlive).length;
  const isLock = EMPTY_ANEW.has(kind);
  const facts = [
    ...(kind === "manager" ? [words.removeManager] : []),
    ...(isLock || holders.length > 0 ? [] : [words.removeContents(visible(summary))]),
    ...(holders.length > 0 ? [words.removeHolders(count(holders.length), within(object))] : []),
    ...(waiting > 0 ? [isLock ? words.removeWaiters(count(waiting)) : words.removeWaitersFail(count(waiting))] : []),
    ...(FENCED.has(kind) ? [words.removeFence] : []),
    words.removeAnew,
  ];
  return (
    <Action
      icon="remove"
      look="danger"
      disabled={useMay("removeObject")}
      question={{
        title: words.removeTitle(kindName(kind, said), visible(name)),
        facts,
        keep: words.keepObject,
        go: words.removeGo,
        dangerous: true,
      }}
      run={async () => {
        await call(pathOf("objects", kind, name), { method: "DELETE" });
        await navigate({ to: "/objects", search: ({ object: _, ...rest }: ObjectSearch) => rest });
        // What is no more is not read again.
        lookAgain();
        return { said: words.removed(visible(name)) };
      }}
    >
      {words.remove}
    </Action>
  );
}
