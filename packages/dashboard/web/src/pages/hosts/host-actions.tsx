import { useState } from "react";
import type { HostView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action, type Done } from "../../components/action.tsx";
import { Field } from "../../components/field.tsx";
import { count } from "../../format/numbers.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords, type Words } from "../../words/index.ts";

/** What can be done with a host. @param alone - Tasks that no other live host knows */
export function HostActions({ host, alone }: { host: HostView; alone: readonly string[] }) {
  const { hosts: said } = useWords();
  const may = useMay("steerHost");
  const { state, canResume } = host;
  const isDraining = state === "draining";
  const off = may ?? (isDraining ? said.drainsAlready : state === "starting" ? said.startsStill : undefined);
  const isQuiet = state === "quiet";
  if (isDraining && canResume) return <StopDrain host={host} off={may} />;
  return (
    <>
      <Action icon={isQuiet ? "play" : "pause"} disabled={off} run={() => setQuiet(host, !isQuiet, said)}>
        {isQuiet ? said.resume : said.quiet}
      </Action>
      <ResizeHost host={host} off={off} />
      <DrainHost host={host} alone={alone} off={off} />
    </>
  );
}

async function setQuiet(host: HostView, isQuiet: boolean, said: Words["hosts"]): Promise<Done> {
  const { id, name } = host;
  await call(`${pathOf("hosts", id)}/${isQuiet ? "quiet" : "resume"}`, { method: "POST" });
  return { said: isQuiet ? said.wasQuiet(name) : said.wasResumed(name), undo: () => setQuiet(host, !isQuiet, said) };
}

/** Takes back what keeps a host from work, where that can be taken back. */
export function WayBack({ host }: { host: HostView }) {
  const { hosts: said } = useWords();
  const may = useMay("steerHost");
  if (host.state === "draining" && host.canResume) {
    return (
      <div className="row">
        <StopDrain host={host} off={may} />
      </div>
    );
  }
  if (host.state !== "quiet") return null;
  return (
    <div className="row">
      <Action icon="play" disabled={may} run={() => setQuiet(host, false, said)}>
        {said.resume}
      </Action>
    </div>
  );
}

function StopDrain({ host: { id, name }, off }: { host: HostView; off: string | undefined }) {
  const { hosts: said } = useWords();
  return (
    <Action
      icon="play"
      disabled={off}
      run={async () => {
        await call(`${pathOf("hosts", id)}/resume`, { method: "POST" });
        return { said: said.drainStopped(name) };
      }}
    >
      {said.stopDrain}
    </Action>
  );
}

function ResizeHost({ host, off }: { host: HostView; off: string | undefined }) {
  const { hosts: said } = useWords();
  const [text, setText] = useState("");
  const { id, name, slots, running } = host;
  const isRight = /^[1-9]\d{0,4}$/.test(text.trim()) && Number(text) <= 10_000;
  const wrong = isRight ? null : said.slotsWrong(text.trim() === "" ? '""' : text.trim());
  const set = async (wanted: number, before: number): Promise<Done> => {
    await call(pathOf("hosts", id), { method: "PATCH", body: { slots: wanted } });
    return { said: said.resized(name, count(wanted)), undo: () => set(before, wanted) };
  };
  return (
    <Action
      icon="resize"
      disabled={off}
      onAsk={() => setText(String(slots))}
      question={{
        title: said.resizeTitle(name),
        facts: [said.resizeFacts(count(running.length))],
        children: (
          <Field
            label={said.slotsField}
            kind={said.slotsKind}
            value={text}
            onChange={setText}
            wrong={wrong}
            inputMode="numeric"
            first
          />
        ),
        wrong,
        keep: said.keepAsIs,
        go: said.resizeGo,
      }}
      run={() => set(Number(text), slots)}
    >
      {said.resize}
    </Action>
  );
}

function DrainHost({ host, alone, off }: { host: HostView; alone: readonly string[]; off: string | undefined }) {
  const { hosts: said } = useWords();
  const [grace, setGrace] = useState("");
  const { id, name, running } = host;
  const wrong = grace.trim() === "" || Number(grace) >= 0 ? null : said.graceWrong;
  const shown = alone.slice(0, 5).join(", ") + (alone.length > 5 ? " …" : "");
  return (
    <Action
      icon="drain"
      disabled={off}
      onAsk={() => setGrace("")}
      question={{
        title: said.drainTitle(name),
        facts: [...said.drainFacts(count(running.length)), ...(alone.length > 0 ? [said.drainAlone(shown)] : [])],
        children: (
          <Field
            label={said.grace}
            kind={said.graceKind}
            value={grace}
            onChange={setGrace}
            wrong={wrong}
            hint={said.graceHint}
            inputMode="decimal"
          />
        ),
        wrong,
        keep: said.keepRunning,
        go: said.drainGo(name),
        dangerous: true,
      }}
      run={async () => {
        const body = grace.trim() === "" ? {} : { grace: Number(grace) * 1_000 };
        await call(`${pathOf("hosts", id)}/drain`, { method: "POST", body });
        return { said: said.drained(name, count(running.length)) };
      }}
    >
      {said.drain}
    </Action>
  );
}

/** Cancels what a child runs. */
export function StopTask({ run }: { run: HostView["running"][number] }) {
  const { hosts: said } = useWords();
  const may = useMay("cancel");
  const { jobId, task, pool, pid } = run;
  return (
    <Action
      icon="stop"
      size="small"
      look="quiet"
      label={said.stopLabel(task, String(pid))}
      disabled={may}
      question={{
        title: said.stopTitle(task, jobId),
        facts: said.stopFacts(String(pid)),
        keep: said.keepTask,
        go: said.stopGo,
        dangerous: true,
      }}
      run={async () => {
        await call(`${pathOf("tasks", jobId)}/cancel`, { method: "POST", query: { pool }, body: {} });
        return { said: said.stopped(jobId) };
      }}
    />
  );
}
