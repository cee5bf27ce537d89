import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { ObjectView } from "../../../../src/api/types.ts";
import { Dots, type SlotState } from "../../components/meter.tsx";
import { Ago, Moment } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { ratePer } from "../../format/rates.ts";
import { duration } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import { useWords, type Words } from "../../words/index.ts";
import { Lease } from "./lease.tsx";
import { placeOf } from "./names.ts";
import { ObjectLink } from "./object-link.tsx";
import { Who } from "./who.tsx";

interface Fact {
  name: string;
  what: ReactNode;
  more?: ReactNode;
}

type Participant = ObjectView["waiters"][number];

/** What the states of all kinds may say: each says some of it. */
interface StateOfAny {
  fence?: number | null;
  usualHold?: number | null;
  count?: number;
  initial?: number;
  value?: unknown;
  bounded?: boolean;
  readers?: Participant[];
  writer?: Participant | null;
  lock?: { kind: string; name: string } | null;
  notified?: number;
  isSet?: boolean;
  generation?: number;
  parties?: number;
  nWaiting?: number;
  broken?: string | null;
  cycle?: number;
  acting?: Participant | null;
  size?: number;
  delayed?: number;
  maxSize?: number;
  unfinished?: number;
  state?: string;
  duplex?: boolean;
  ends?: { open: boolean; messages: number; inTransit: number; holders: Participant[] }[];
  type?: string | null;
  max?: number | null;
  per?: number | null;
  used?: number;
  concurrency?: number | null;
}

/** What is known of an object, by its kind. */
export function ObjectFacts({ object }: { object: ObjectView }) {
  const said = useWords();
  const facts = [...factsOf(object, said), ...common(object, said)];
  return (
    <dl className="facts wide">
      {facts.map(({ name, what, more }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {typeof what === "string" ? <b>{what}</b> : what}
            {more !== undefined && more !== "" && (
              <>
                <br />
                <span className="soft">{more}</span>
              </>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function common(object: ObjectView, { objects: words }: Words): Fact[] {
  const { owner, manager, named, kind, createdAt } = object;
  const isIdle = /lock$|^condition$/.test(kind);
  const stays =
    manager !== null
      ? words.staysManager
      : owner !== null
        ? words.staysOwner
        : isIdle
          ? words.staysIdle
          : named
            ? words.staysNamed
            : "";
  return [
    { name: words.made, what: <Ago at={createdAt} />, more: stays },
    ...(manager === null ? [] : [{ name: words.manager, what: <ObjectLink kind="manager" name={manager} /> }]),
    ...(owner === null ? [] : [{ name: words.maker, what: <Who one={owner} where /> }]),
  ];
}

function factsOf(object: ObjectView, said: Words): Fact[] {
  const words = said.objects;
  const { kind, holders } = object;
  const state = (object.state ?? {}) as StateOfAny;
  const number = (value: unknown): string => count(Number(value ?? 0));
  switch (kind) {
    case "lock":
    case "rlock": {
      const [holder] = holders;
      return [
        ...(holder
          ? [
              { name: words.holder, what: <Who one={holder} />, more: placeOf(holder, said) },
              ...(holder.since === null
                ? []
                : [
                    {
                      name: words.since,
                      what: (
                        <b>
                          <Moment at={holder.since} seconds />
                        </b>
                      ),
                    },
                  ]),
              { name: words.leaseLeft, what: <Lease object={object} /> },
            ]
          : []),
        ...(state.usualHold == null
          ? []
          : [{ name: words.usualHold, what: duration(state.usualHold), more: words.usualHoldHint }]),
        ...(state.fence == null
          ? []
          : [{ name: words.fence, what: <Fence of={state.fence} />, more: words.fenceHint }]),
        ...(kind === "rlock" && holder ? [{ name: words.times, what: number(state.count) }] : []),
      ];
    }
    case "read-write-lock": {
      const readers = state.readers?.length ?? 0;
      const [writer] = state.writer ? holders : [];
      return [
        writer
          ? { name: words.writer, what: <Who one={writer} />, more: placeOf(writer, said) }
          : { name: words.readers, what: number(readers) },
        ...(object.leaseLeft === null ? [] : [{ name: words.leaseLeft, what: <Lease object={object} /> }]),
        ...(state.fence == null
          ? []
          : [{ name: words.fence, what: <Fence of={state.fence} />, more: words.fenceHint }]),
      ];
    }
    case "semaphore": {
      const [free, initial] = [Number(state.value), Number(state.initial)];
      const leased = holders.reduce((sum, holder) => sum + holder.count, 0);
      const anonymous = Math.max(0, initial - free - leased);
      const text = words.permitsFree(number(free), number(initial));
      const slots: SlotState[] = [
        ...Array.from({ length: Math.min(64, leased) }, (): SlotState => "busy"),
        ...Array.from({ length: Math.min(64, anonymous) }, (): SlotState => "wait"),
        ...Array.from({ length: Math.min(64, Math.max(0, free)) }, (): SlotState => "free"),
      ];
      return [
        {
          name: words.permits,
          what: (
            <>
              <b>{text}</b>
              <Dots slots={slots} label={text} />
            </>
          ),
          more: [state.bounded ? words.bounded : "", anonymous > 0 ? words.withoutLease(number(anonymous)) : ""]
            .filter(Boolean)
            .join("; "),
        },
        ...(object.leaseLeft === null ? [] : [{ name: words.leaseLeft, what: <Lease object={object} /> }]),
      ];
    }
    case "condition": {
      const { lock } = state;
      return [
        { name: words.underLock, what: lock ? <ObjectLink {...lock} /> : words.noLock },
        { name: words.notified, what: number(state.notified) },
      ];
    }
    case "event":
      return [
        {
          name: words.isSet,
          what: state.isSet ? words.set : words.notSet,
          more: words.setTimes(number(state.generation)),
        },
      ];
    case "barrier": {
      const [waiting, parties] = [Number(state.nWaiting), Number(state.parties)];
      const text = words.partiesWait(number(waiting), number(parties));
      const slots = Array.from(
        { length: Math.min(64, parties) },
        (_, index): SlotState => (index < waiting ? "busy" : "free"),
      );
      return [
        {
          name: words.parties,
          what: (
            <>
              <b>{text}</b>
              <Dots slots={slots} label={text} />
            </>
          ),
          more: state.broken === null && waiting > 0 ? words.partiesMissing(number(parties - waiting)) : "",
        },
        { name: words.cycle, what: number(state.cycle) },
        ...(state.broken === null || state.broken === undefined
          ? []
          : [
              {
                name: words.broken,
                what: <b className="bad">{visible(String(state.broken))}</b>,
                more: words.brokenHint,
              },
            ]),
        ...(state.acting ? [{ name: words.acting, what: <Who one={state.acting} where /> }] : []),
      ];
    }
    case "rate-limiter": {
      const rate = ratePer(state.max ?? 0, state.per ?? 0, said.common);
      return [
        ...(state.max ? [{ name: words.rate, what: rate, more: words.used(number(state.used)) }] : []),
        ...(state.concurrency
          ? [{ name: words.atOnce, what: number(object.holders.length), more: words.ofMost(number(state.concurrency)) }]
          : []),
      ];
    }
    case "count-down-latch":
      return [
        {
          name: words.toGo,
          what: Number(state.count) === 0 ? words.open : words.ofCount(number(state.count), number(state.initial)),
        },
      ];
    case "queue":
    case "simple-queue":
    case "joinable-queue":
      return [
        {
          name: words.items,
          what: number(state.size),
          more: Number(state.maxSize) > 0 ? words.ofMost(number(state.maxSize)) : words.noLimit,
        },
        ...(Number(state.delayed) > 0 ? [{ name: words.delayed, what: number(state.delayed) }] : []),
        ...(kind === "joinable-queue" ? [{ name: words.unfinished, what: number(state.unfinished) }] : []),
        { name: words.queueState, what: words.queueStates[String(state.state)] ?? visible(String(state.state)) },
      ];
    case "pipe": {
      const ends = state.ends ?? [];
      return [
        { name: words.direction, what: state.duplex ? words.duplex : words.oneWay },
        ...ends.map(
          (end, index): Fact => ({
            name: words.end(String(index + 1)),
            what: (
              <>
                <b>{end.open ? words.endOpen : words.endClosed}</b>
                {end.holders.map((holder) => (
                  <div key={holder.session}>
                    <Who one={holder} where />
                  </div>
                ))}
              </>
            ),
            more: [
              words.messages(number(end.messages)),
              Number(end.inTransit) > 0 ? words.inTransit(number(end.inTransit)) : "",
            ]
              .filter(Boolean)
              .join("; "),
          }),
        ),
      ];
    }
    case "manager":
      return [
        {
          name: words.size,
          what: words.ownedObjects(number(state.size)),
          more: (
            <Link to="/objects" search={{ text: `:${object.name}/` }}>
              {words.showOwned}
            </Link>
          ),
        },
      ];
    case "value":
      return [{ name: words.type, what: visible(String(state.type ?? "")) }, ...written(state, words)];
    case "registered":
      return [{ name: words.type, what: visible(String(state.type ?? "")) }, ...written(state, words)];
    case "dict":
    case "namespace":
      return [{ name: words.size, what: words.entries(number(state.size)) }, ...written(state, words)];
    case "list":
    case "set":
      return [{ name: words.size, what: words.itemsCount(number(state.size)) }, ...written(state, words)];
    case "array":
      return [
        { name: words.size, what: words.itemsCount(number(state.size)), more: visible(String(state.type ?? "")) },
        ...written(state, words),
      ];
    default:
      return [];
  }
}

/** A number that only grows: told as it is given to programs. */
function Fence({ of }: { of: number | undefined | null }) {
  return <b className="nowrap">{of}</b>;
}

function written(state: StateOfAny, words: Words["objects"]): Fact[] {
  const { fence } = state;
  return fence === null || fence === undefined ? [] : [{ name: words.written, what: <Fence of={fence} /> }];
}
