import type { FailureDetail } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action } from "../../components/action.tsx";
import { CopyButton } from "../../components/page.tsx";
import { count } from "../../format/numbers.ts";
import { exactTime } from "../../format/times.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";

interface Bulk {
  id: string;
  done: number;
  refused: number;
  isFinished: boolean;
}

/** What can be done to all of a group. */
export function GroupActions(props: { group: FailureDetail; isAway: boolean; isFailing: boolean }) {
  const { group, isAway, isFailing } = props;
  const { failures: said, findings } = useWords();
  const { task, pools, dead, selection } = group;
  const off = isAway ? findings.away : undefined;
  const [mayPause, mayAct] = [useMay("changePool"), useMay("actOnMany")];
  const many = count(dead);
  const [pool] = pools;
  const meant = said.meant(selection.task, selection.error);
  return (
    <>
      <div className="row">
        {isFailing && pools.length === 1 && pool !== undefined && (
          <Action
            look="primary"
            icon="pause"
            disabled={off ?? mayPause}
            question={{
              title: findings.ask.pause(pool),
              facts: findings.ask.pauseFacts,
              keep: findings.ask.pauseKeep,
              go: findings.ask.pauseGo(pool),
            }}
            run={async () => {
              await call(pathOf("pools", pool), { method: "PATCH", body: { paused: true } });
              const undo = async () => {
                await call(pathOf("pools", pool), { method: "PATCH", body: { paused: false } });
                return { said: findings.ask.resumed(pool) };
              };
              return { said: findings.ask.paused(pool), undo };
            }}
          >
            {findings.actions.pause(pool)}
          </Action>
        )}
        {dead > 0 && (
          <>
            <Action
              icon="retry"
              disabled={off ?? mayAct}
              question={{
                title: said.retryTitle(dead, many, task),
                facts: [meant, said.retryFact],
                keep: said.keepThem,
                go: said.retryGo(dead, many),
              }}
              run={async (tell) => {
                const { done, refused } = await actOnAll("retry", group, (so) => tell(said.retrying(count(so), many)));
                return { said: said.retried(done, count(done), count(refused)) };
              }}
            >
              {said.retryAll(many)}
            </Action>
            <Action
              icon="remove"
              look="danger"
              disabled={off ?? mayAct}
              question={{
                title: said.removeTitle(dead, many, task),
                facts: [meant, said.removeFact],
                keep: said.keepThem,
                go: said.removeGo(dead, many),
                dangerous: true,
              }}
              run={async (tell) => {
                const { done, refused } = await actOnAll("remove", group, (so) => tell(said.removing(count(so), many)));
                return { said: said.removed(done, count(done), count(refused)) };
              }}
            >
              {said.removeAll(many)}
            </Action>
          </>
        )}
        <CopyButton text={asText(group)} />
      </div>
      {isFailing && dead > 0 && <small>{said.mendFirst}</small>}
    </>
  );
}

/** An action on many is done in steps: each answer says how far it has come, and the next request goes on. */
async function actOnAll(
  action: "retry" | "remove",
  { selection }: FailureDetail,
  tell: (done: number) => void,
): Promise<Bulk> {
  let body: object = { query: selection };
  for (;;) {
    const progress = await call<Bulk>(`/task-actions/${action}`, { method: "POST", body });
    if (progress.isFinished) return progress;
    tell(progress.done);
    body = { resume: progress.id };
  }
}

/** For a message to colleagues. */
function asText({ task, pools, error, newest, count: many, first, last, hosts }: FailureDetail): string {
  return [
    `${task} (${pools.join(", ")}): ${many} x ${error.name}: ${error.message}`,
    `first ${exactTime(first)}, last ${exactTime(last)}, on ${hosts.join(", ")}`,
    newest?.stack ?? "",
  ].join("\n");
}
