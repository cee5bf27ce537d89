import { Button } from "../../components/button.tsx";
import { Meter } from "../../components/meter.tsx";
import { Glyph } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { useStore } from "../../store.ts";
import { useWords } from "../../words/index.ts";
import { bulkRun, forgetBulk, resumeBulk, stopBulk } from "./bulk-run.ts";

/** How far something is that is done to many tasks, and how it ended. */
export function BulkProgress() {
  const run = useStore(bulkRun);
  const { tasks: said, common } = useWords();
  if (run === null) return <div role="status" className="bulk-progress" />;
  const { deed, state, done, refused, reasons, problem, id } = run;
  const words = said.deeds[deed];
  const isBusy = state === "running" || state === "stopping";
  const all = Math.max(run.count, done + refused);
  const look = isBusy
    ? ""
    : state === "finished" && (refused === 0 || done > 0)
      ? " good"
      : state === "stopped"
        ? ""
        : " bad";
  return (
    <div role="status" className="bulk-progress">
      <div className={`toast${look}`}>
        <Glyph
          name={isBusy ? "active" : state === "finished" ? "completed" : state === "stopped" ? "paused" : "failed"}
        />
        <span>
          <b>
            {isBusy
              ? words.doing(count(done), count(all))
              : state === "finished"
                ? words.did(count(done), done)
                : words.stopped(count(done), count(all))}
          </b>{" "}
          {problem !== null && <bdi>{problem}</bdi>}
          {refused > 0 && <span className="soft">{said.refused(count(refused))}</span>}
        </span>
        {isBusy && <Meter used={done + refused} of={all} label={words.doing(count(done), count(all))} />}
        {isBusy && (
          <Button size="small" busy={state === "stopping"} onClick={stopBulk}>
            {said.stopHere}
          </Button>
        )}
        {!isBusy && state !== "finished" && id !== null && (
          <Button size="small" onClick={() => void resumeBulk()}>
            {said.goOn}
          </Button>
        )}
        {!isBusy && <Button size="small" look="quiet" icon="close" label={common.close} onClick={forgetBulk} />}
        {reasons.length > 0 && (
          <details className="reasons">
            <summary>{said.reasons}</summary>
            <ul className="plain">
              {reasons.map(({ reason, count: many, ids }) => (
                <li key={reason}>
                  <b>{count(many)}</b> <bdi>{reason}</bdi>{" "}
                  <span className="soft mono">
                    {ids.slice(0, 5).join(", ")}
                    {many > 5 && ", …"}
                  </span>
                </li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </div>
  );
}
