import { Link } from "@tanstack/react-router";
import type { WaitGraph } from "../../../../src/api/types.ts";
import { Action } from "../../components/action.tsx";
import { Icon } from "../../components/icon.tsx";
import { Glyph } from "../../components/state.tsx";
import { count } from "../../format/numbers.ts";
import { wholeDuration } from "../../format/times.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { cancelAndRetry, cancelTask, releaseObject } from "./end-wait.ts";
import { describe, kindName, nameOf, objectName, placeOf } from "./names.ts";

type Deadlock = WaitGraph["deadlocks"][number];
type Exit = Deadlock["exits"][number];
type Participant = WaitGraph["participants"][number];

/** What ends a deadlock, step by step, with the button that does it. */
export function WayOut({ deadlock, graph, number }: { deadlock: Deadlock; graph: WaitGraph; number: number | null }) {
  const said = useWords();
  const words = said.objects;
  const byId = new Map(graph.participants.map((one) => [one.id, one]));
  const [best, ...others] = deadlock.exits;
  const one = best && byId.get(best.participant);
  if (!best || !one) return null;
  const second = others[0];
  const younger =
    second?.frees === best.frees && second.heldSince !== null && best.heldSince !== null
      ? best.heldSince - second.heldSince
      : 0;
  const frees = best.next.map(({ object }) => objectName(object));
  return (
    <div className="grid2 even">
      <section className="card" aria-label={number === null ? words.wayOut : words.wayOutOf(String(number))}>
        <header>
          <h2>{number === null ? words.wayOut : words.wayOutOf(String(number))}</h2>
          <small>{words.checked}</small>
        </header>
        <div className="body stack">
          <ol className="steps">
            <li>
              <span className="accent">
                <Glyph name={best.how === "cancel" ? "cancelled" : "free"} />
              </span>
              <div>
                <b>
                  {best.how === "cancel" ? words.cancelStep(nameOf(one, said)) : words.releaseStep(nameOf(one, said))}
                </b>{" "}
                <span className="soft">
                  {younger >= 1_000 && `${words.younger(wholeDuration(younger))} `}
                  {frees.length > 0 && words.comesFree(frees.join(words.and))}
                </span>
              </div>
              <span />
            </li>
            {best.next.map(({ object, participant }) => {
              const next = participant === null ? undefined : byId.get(participant);
              return (
                <li key={object}>
                  <span>
                    <Glyph name="held" />
                  </span>
                  <div>
                    <b>
                      {next
                        ? words.getsNext(nameOf(next, said), objectName(object))
                        : words.staysFree(objectName(object))}
                    </b>{" "}
                    <span className="soft">{next ? words.getsNextMore : words.staysFreeMore}</span>
                  </div>
                  <span />
                </li>
              );
            })}
            <li>
              <span>
                <Glyph name="free" />
              </span>
              <div>
                <b>{words.waitsEnd(count(best.frees))}</b>{" "}
                <span className="soft">
                  {words.waitsEndMore} {best.how === "cancel" && words.runsAgainLast(nameOf(one, said))}
                  {best.left > 0 && ` ${words.stillStuck(count(best.left))}`}
                </span>
              </div>
              <span />
            </li>
          </ol>
          <div className="row">
            {deadlock.exits.slice(0, 3).map((exit, index) => {
              const whom = byId.get(exit.participant);
              return whom ? (
                <ExitButton key={exit.participant} {...{ exit, one: whom, graph, deadlock, isFirst: index === 0 }} />
              ) : null;
            })}
          </div>
        </div>
      </section>
      <Prevention deadlock={deadlock} byId={byId} />
    </div>
  );
}

function ExitButton(props: { exit: Exit; one: Participant; graph: WaitGraph; deadlock: Deadlock; isFirst: boolean }) {
  const { exit, one, graph, deadlock, isFirst } = props;
  const said = useWords();
  const words = said.objects;
  const [mayCancel, mayRetry, mayRelease] = [useMay("cancel"), useMay("retry"), useMay("releaseObject")];
  const name = nameOf(one, said);
  const place = placeOf(one, said);
  const freed = exit.next.map(
    ({ object }) => `${kindName(object.slice(0, object.indexOf("/")), said)} ${objectName(object)}`,
  );
  const waits = words.waitsEnd(count(exit.frees));
  const effect = freed.length === 0 ? [] : [words.effectFact(freed.join(words.and), waits)];
  if (exit.how === "cancel" && one.task) {
    const { id } = one.task;
    return (
      <Action
        look={isFirst ? "primary" : "plain"}
        disabled={mayCancel ?? mayRetry}
        question={{
          title: words.cancelTitle(name),
          facts: [words.cancelFact(place), ...effect, words.callerFact],
          keep: words.keepRunning,
          go: words.cancelAndRun,
        }}
        run={() => cancelAndRetry({ id, name })}
      >
        {isFirst ? words.cancelAndRetry(name) : words.cancelInstead(name)}
      </Action>
    );
  }
  const inCircle = new Set(deadlock.circle.map(({ object }) => object));
  const held = graph.holds.filter(({ participant, object }) => participant === one.id && inCircle.has(object));
  return (
    <Action
      look={isFirst ? "primary" : "plain"}
      disabled={mayRelease}
      question={{
        title: words.releaseOneTitle(name),
        facts: [words.releaseHolder(name, wholeDuration(10_000)), words.releaseFence, ...effect],
        keep: words.keepHeld,
        go: words.releaseGo,
      }}
      run={async () => {
        const places = held.map(({ object }) => {
          const slash = object.indexOf("/");
          return { kind: object.slice(0, slash), name: object.slice(slash + 1) };
        });
        const done = await Promise.all(places.map((object) => releaseObject(object, one.session)));
        return { said: done.map((each) => each.said).join(" ") };
      }}
    >
      {words.releaseIt(name)}
    </Action>
  );
}

/** How each came into it, and what keeps it from coming again. */
function Prevention({ deadlock, byId }: { deadlock: Deadlock; byId: ReadonlyMap<string, Participant> }) {
  const said = useWords();
  const words = said.objects;
  const { circle } = deadlock;
  const isItself = circle.length === 1;
  return (
    <section className="card">
      <header>
        <h2>{words.notAgain}</h2>
      </header>
      <div className="body stack">
        <ul className="plain stack tight">
          {circle.map(({ participant, object }, index) => {
            const one = byId.get(participant);
            const has = circle[(index - 1 + circle.length) % circle.length]?.object ?? object;
            if (!one) return null;
            return (
              <li key={`${participant} ${object}`}>
                {isItself
                  ? words.notItself(nameOf(one, said), objectName(object))
                  : words.hasAndWants(nameOf(one, said), objectName(has), objectName(object))}
              </li>
            );
          })}
        </ul>
        <p className="soft">{isItself ? words.notItselfHint : words.notAgainHint}</p>
      </div>
    </section>
  );
}

/** What waits come from in the end, where no deadlock is in the way. */
export function Causes({ graph }: { graph: WaitGraph }) {
  const said = useWords();
  const words = said.objects;
  const byId = new Map(graph.participants.map((one) => [one.id, one]));
  const causes = graph.causes.slice(0, 8);
  if (causes.length === 0) return null;
  return (
    <section className="card" aria-label={words.causes}>
      <header>
        <h2>{words.causes}</h2>
        <small>{words.checked}</small>
      </header>
      <ul className="plain causes">
        {causes.map((cause) => (
          <Cause key={`${cause.why} ${cause.participant ?? cause.object}`} {...{ cause, graph, byId }} />
        ))}
      </ul>
    </section>
  );
}

function Cause(props: {
  cause: WaitGraph["causes"][number];
  graph: WaitGraph;
  byId: ReadonlyMap<string, Participant>;
}) {
  const { cause, graph, byId } = props;
  const said = useWords();
  const words = said.objects;
  const may = useMay("cancel");
  const one = cause.participant === null ? undefined : byId.get(cause.participant);
  const object = cause.object === null ? "" : objectName(cause.object);
  const left = graph.objects.find(({ id }) => id === cause.object)?.leaseLeft ?? null;
  const waits = words.waits(count(cause.waits));
  const oldest =
    cause.since === null
      ? words.causeWaitsOnly(waits)
      : words.causeWaits(waits, wholeDuration(Date.now() - cause.since));
  const name = one ? nameOf(one, said) : "";
  const sentence =
    cause.why === "open"
      ? words.causeOpen(object)
      : cause.why === "gone"
        ? words.causeGone(name, object)
        : words.causeRuns(name, object);
  const more =
    cause.why === "open"
      ? words.causeOpenMore
      : cause.why === "gone" && left !== null
        ? words.causeGoneMore(wholeDuration(left))
        : "";
  return (
    <li>
      <Icon name={cause.why === "open" ? "clock" : "lock"} />
      <div>
        <b>{sentence}</b>{" "}
        <span className="soft">
          {oldest} {more}
        </span>
        {one && (
          <div className="soft">
            {one.task ? (
              <Link to="/tasks/$id" params={{ id: one.task.id }}>
                {describe(one, said)}
              </Link>
            ) : (
              describe(one, said)
            )}
          </div>
        )}
      </div>
      {cause.why === "runs" && one?.task && (
        <Action
          size="small"
          disabled={may}
          question={{
            title: words.cancelOnlyTitle(name),
            facts: [words.cancelOnlyFact(placeOf(one, said)), words.callerOnlyFact],
            keep: words.keepRunning,
            go: words.cancelGo,
            dangerous: true,
          }}
          run={() => cancelTask({ id: one.task?.id ?? "", name })}
        >
          {words.cancelGoShort}
        </Action>
      )}
    </li>
  );
}
