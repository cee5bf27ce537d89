import { Link } from "@tanstack/react-router";
import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import type { WaitGraph } from "../../../../src/api/types.ts";
import { count } from "../../format/numbers.ts";
import { duration, wholeDuration } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import { useNow } from "../../live/clock.ts";
import type { ObjectSearch } from "../../router.tsx";
import { useWords, type Words } from "../../words/index.ts";
import {
  BOX_HEIGHT,
  LISTED,
  MARK,
  type PlacedEdge,
  type PlacedNode,
  type PlacedPart,
  type Zone,
} from "./graph-layout.ts";
import type { LineNode, ModelNode } from "./graph-model.ts";
import { kindName, nameOf, objectName, placeOf } from "./names.ts";
import { useLayout } from "./use-layout.ts";

/** The wait graph, drawn: from who waits to the cause; from left to right where there is room, else downwards. */
export function GraphDrawing({ graph, label }: { graph: WaitGraph; label: string }) {
  const said = useWords();
  const place = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = place.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const drawn = useLayout(graph, width);
  const id = useId().replaceAll(/[^a-zA-Z0-9_-]/g, "");
  const facts = { graph, said, byId: new Map(graph.participants.map((one) => [one.id, one])) };
  return (
    // A graph that is wider than the page scrolls in itself, also with the keyboard.
    <section
      ref={place}
      className="canvas"
      tabIndex={drawn !== null && drawn.width > width ? 0 : undefined}
      aria-label={`${said.objects.graph}${said.objects.comma}${said.objects.drawn}`}
    >
      {drawn && (
        // biome-ignore lint/a11y/useSemanticElements: a drawing that holds links; a fieldset draws nothing
        <svg
          width={drawn.width}
          height={drawn.height}
          viewBox={`0 0 ${drawn.width} ${drawn.height}`}
          role="group"
          aria-label={label}
        >
          <defs>
            <marker
              id={`${id}a`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto-start-reverse"
              markerUnits="userSpaceOnUse"
            >
              <path className="tip" d="M1 1 7 4 1 7" />
            </marker>
            <marker
              id={`${id}c`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="9"
              markerHeight="9"
              orient="auto-start-reverse"
              markerUnits="userSpaceOnUse"
            >
              <path className="tip cycle" d="M1 1 7 4 1 7z" />
            </marker>
          </defs>
          {drawn.parts.map((part, index) => {
            const corner = drawn.corners[index] ?? { x: 0, y: 0 };
            return (
              <g key={part.signature} transform={`translate(${corner.x} ${corner.y})`}>
                <DrawnPart part={part} facts={facts} markers={id} />
              </g>
            );
          })}
        </svg>
      )}
    </section>
  );
}

/** What the names of the nodes say already. */
const FOR_THE_EYE = { "aria-hidden": true } as const;

function imageOf(label: string): { role: "img"; "aria-label": string } {
  return { role: "img", "aria-label": label };
}

interface Facts {
  graph: WaitGraph;
  said: Words;
  byId: ReadonlyMap<string, WaitGraph["participants"][number]>;
}

function DrawnPart({ part, facts, markers }: { part: PlacedPart; facts: Facts; markers: string }) {
  return (
    <>
      {part.zones.map((zone) => (
        <DrawnZone key={zone.ring.index} zone={zone} facts={facts} />
      ))}
      {part.edges.map((edge) => (
        <DrawnEdge key={edge.edge.id} placed={edge} facts={facts} markers={markers} />
      ))}
      {part.nodes.map((node) => (
        <DrawnNode key={node.node.id} placed={node} facts={facts} />
      ))}
      {part.zones.map((zone) => (
        <Mark key={zone.ring.index} zone={zone} facts={facts} />
      ))}
    </>
  );
}

/** Where the words beside the mark of the way out have no room, they stand at the foot. */
function isNarrow({ width, mark }: Zone): boolean {
  return mark !== null && width < 404;
}

function DrawnZone({ zone, facts: { graph, said } }: { zone: Zone; facts: Facts }) {
  const now = useNow();
  const since = graph.deadlocks[zone.ring.index]?.since ?? null;
  const text = since === null ? said.objects.deadlock : said.objects.deadlockFor(wholeDuration(now - since));
  return (
    <>
      <rect className="zone" x={zone.x} y={zone.y} width={zone.width} height={zone.height} rx="14" />
      <text className="zonetext" x={zone.x + 16} y={isNarrow(zone) ? zone.y + zone.height - 10 : zone.y + 26}>
        {text}
      </text>
    </>
  );
}

/** The mark over the node whose end breaks the deadlock. */
function Mark({ zone, facts: { graph, said } }: { zone: Zone; facts: Facts }) {
  const { mark, ring } = zone;
  const exit = graph.deadlocks[ring.index]?.exits.find(({ participant }) => participant === ring.exit);
  if (mark === null || !exit) return null;
  const text = exit.how === "cancel" ? said.objects.exitHere : said.objects.exitRelease;
  return (
    <g {...FOR_THE_EYE}>
      <rect
        className="exitmark"
        x={mark.x - MARK.width / 2}
        y={mark.y - MARK.height / 2}
        width={MARK.width}
        height={MARK.height}
        rx="12"
      />
      <text className="exittext" x={mark.x} y={mark.y + 4} textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

function DrawnEdge({ placed, facts: { said }, markers }: { placed: PlacedEdge; facts: Facts; markers: string }) {
  const { edge, path, label } = placed;
  const isLine = edge.from.startsWith("line ");
  const text =
    edge.how === "holds"
      ? said.objects.heldBy
      : isLine
        ? said.objects.waitFor
        : edge.isInCircle
          ? said.objects.waitsFor
          : said.objects.waitsShort;
  return (
    <g {...FOR_THE_EYE}>
      <path
        className={`edge ${edge.how}${edge.isInCircle ? " cycle" : ""}`}
        d={path}
        markerEnd={`url(#${markers}${edge.isInCircle ? "c" : "a"})`}
      />
      {label && (
        <text className={`lbl${edge.isInCircle ? " in" : ""}`} x={label.x} y={label.y} textAnchor={label.anchor}>
          {text}
        </text>
      )}
    </g>
  );
}

function DrawnNode({ placed, facts }: { placed: PlacedNode; facts: Facts }) {
  const { node, ring, x, y, width, height } = placed;
  const isExit = ring?.exit === node.id;
  const over = { x, y, width, height, rx: node.type === "object" ? height / 2 : 8 };
  const label = describeNode(node, facts);
  // Texts of a drawing are no text of a link: the link lies over them, and its name says more.
  const drawn = (
    <g {...FOR_THE_EYE}>
      {node.type === "participant" && <ParticipantBox placed={placed} facts={facts} isExit={isExit} />}
      {node.type === "line" && <LineBox placed={placed} node={node} facts={facts} />}
      {node.type === "object" && <ObjectBox placed={placed} facts={facts} />}
    </g>
  );
  const cover = <rect className={`over${isExit ? " wayout" : ""}`} {...over} />;
  if (node.type === "participant") {
    const task = facts.byId.get(node.id)?.task;
    return (
      <>
        {drawn}
        {task ? (
          <Link to="/tasks/$id" params={{ id: task.id }} aria-label={label}>
            {cover}
          </Link>
        ) : (
          <g {...imageOf(label)}>{cover}</g>
        )}
      </>
    );
  }
  const object = node.type === "line" ? node.object : node.id;
  return (
    <>
      {drawn}
      <Link to="/objects" search={(before: ObjectSearch) => ({ ...before, object })} aria-label={label} hash="object">
        {cover}
      </Link>
    </>
  );
}

function ParticipantBox({
  placed,
  facts: { graph, said, byId },
  isExit,
}: {
  placed: PlacedNode;
  facts: Facts;
  isExit: boolean;
}) {
  const now = useNow();
  const { x, y, width, height } = placed;
  const one = byId.get(placed.node.id);
  if (!one) return null;
  const waits = graph.waits.find(({ participant }) => participant === one.id);
  const holds = graph.holds.filter(({ participant }) => participant === one.id);
  const held = Math.min(...holds.flatMap(({ since }) => since ?? []));
  const where = one.task === null ? said.objects.pid(String(one.pid ?? "?")) : placeOf({ ...one, pid: null }, said);
  const lasts =
    holds.length > 0 && Number.isFinite(held) && !waits
      ? said.objects.holdsFor(wholeDuration(now - held))
      : waits?.since
        ? width < 150
          ? wholeDuration(now - waits.since)
          : said.objects.waitsSince(wholeDuration(now - waits.since))
        : "";
  const sub = one.isAlive ? [where, lasts].filter(Boolean).join(", ") : said.objects.goneHolder;
  return (
    <>
      <rect
        className={`task${isExit ? " exit" : ""}${one.isAlive ? "" : " dead"}`}
        x={x}
        y={y}
        width={width}
        height={height}
        rx="8"
      />
      <Text className="name" x={x + 11} y={y + 20} room={width - 20}>
        {nameOf(one, said)}
      </Text>
      <Text className="sub" x={x + 11} y={y + 36} room={width - 20}>
        {sub}
      </Text>
    </>
  );
}

function ObjectBox({ placed, facts: { graph, said } }: { placed: PlacedNode; facts: Facts }) {
  const { x, y, width } = placed;
  const object = graph.objects.find(({ id }) => id === placed.node.id);
  if (!object) return null;
  const fence = /fence (\d+)/.exec(object.summary);
  const about = fence ? said.objects.waiting(count(object.waiting)) : visible(object.summary);
  const inset = 14;
  return (
    <>
      <rect className="lock" x={x} y={y} width={width} height={BOX_HEIGHT} rx={BOX_HEIGHT / 2} />
      <Text className="name" x={x + width / 2} y={y + 20} room={width - 2 * inset} anchor="middle">
        {visible(object.name)}
      </Text>
      <Text className="sub" x={x + width / 2} y={y + 36} room={width - 2 * inset} anchor="middle">
        {[kindName(object.kind, said), about].filter(Boolean).join(", ")}
      </Text>
    </>
  );
}

function LineBox({ placed, node, facts: { said, byId } }: { placed: PlacedNode; node: LineNode; facts: Facts }) {
  const { x, y, width, height } = placed;
  const first = node.members.slice(0, LISTED);
  const more = node.waiting - first.length;
  return (
    <>
      {/* A second edge behind it: there are several. */}
      <rect className="task behind" x={x + 4} y={y + 4} width={width - 4} height={height - 4} rx="8" />
      <rect className="task" x={x} y={y} width={width - 4} height={height - 4} rx="8" />
      <Text className="name" x={x + 12} y={y + 21} room={width - 26}>
        {said.objects.inLine(count(node.waiting))}
      </Text>
      {first.map((member, index) => {
        const one = byId.get(member);
        return (
          <Text className="sub" key={member} x={x + 12} y={y + 39 + index * 17} room={width - 26}>
            {`${index + 1} ${one ? lineName(one, said) : ""}`}
          </Text>
        );
      })}
      {more > 0 && (
        <Text className="sub" x={x + 12} y={y + 39 + first.length * 17} room={width - 26}>
          {said.objects.andMore(count(more))}
        </Text>
      )}
    </>
  );
}

function lineName(one: WaitGraph["participants"][number], said: Words): string {
  return one.task === null ? placeOf(one, said) : nameOf(one, said);
}

/** A text that is cut to the room that it has. */
function Text(props: { className: string; x: number; y: number; room: number; anchor?: "middle"; children: string }) {
  const { className, x, y, room, anchor, children } = props;
  return (
    <text {...FOR_THE_EYE} className={className} x={x} y={y} textAnchor={anchor}>
      {fitted(children, room, className === "name")}
    </text>
  );
}

let measure: CanvasRenderingContext2D | null | undefined;
const fits = new Map<string, string>();

function fitted(text: string, room: number, isStrong: boolean): string {
  const key = `${room} ${isStrong} ${text}`;
  const known = fits.get(key);
  if (known !== undefined) return known;
  measure ??= document.createElement("canvas").getContext("2d");
  if (!measure) return text;
  const family = getComputedStyle(document.body).fontFamily;
  measure.font = `${isStrong ? "600 12.5px" : "11.5px"} ${family}`;
  // The end of a name tells the calls of a task apart: it stays where it is short.
  const [, head = text, end = ""] = (isStrong && /^(.+)( \S{1,6})$/s.exec(text)) || [];
  const characters = [...head];
  let cut = text;
  while (characters.length > 1 && measure.measureText(cut).width > room) {
    characters.pop();
    cut = `${characters.join("").trimEnd()}…${end}`;
  }
  if (fits.size > 2_000) fits.clear();
  fits.set(key, cut);
  return cut;
}

/** What a screen reader says of a node: all that the arrows say to the eye. */
function describeNode(node: ModelNode, { graph, said, byId }: Facts): string {
  const words = said.objects;
  const named = (id: string): string => {
    const one = byId.get(id);
    return one ? nameOf(one, said) : id;
  };
  const objectOf = (id: string): string => `${kindName(id.slice(0, id.indexOf("/")), said)} ${objectName(id)}`;
  if (node.type === "line") {
    const first = node.members.slice(0, LISTED).map(named);
    const more = node.waiting > first.length ? [words.andMore(count(node.waiting - first.length))] : [];
    return `${words.inLine(count(node.waiting))}: ${[...first, ...more].join(words.comma)}. ${words.describeWaits(objectOf(node.object))}`;
  }
  const isStuck = graph.deadlocks.some(({ circle }) =>
    circle.some(({ participant, object }) => node.id === participant || node.id === object),
  );
  const parts: ReactNode[] = [];
  if (node.type === "object") {
    const holders = graph.holds.filter(({ object }) => object === node.id).map(({ participant }) => named(participant));
    const waiting = graph.objects.find(({ id }) => id === node.id)?.waiting ?? 0;
    parts.push(objectOf(node.id));
    if (holders.length > 0) parts.push(words.describeHeldBy(holders.join(words.and)));
    parts.push(words.waiting(count(waiting)));
  } else {
    const one = byId.get(node.id);
    const holds = graph.holds
      .filter(({ participant }) => participant === node.id)
      .map(({ object }) => objectOf(object));
    const waits = graph.waits.filter(({ participant }) => participant === node.id);
    parts.push(named(node.id), one ? placeOf(one, said) : "");
    if (holds.length > 0) parts.push(words.describeHolds(holds.join(words.and)));
    for (const { object, since } of waits) {
      const lasts = since === null ? "" : `${words.comma}${duration(Math.max(0, Date.now() - since))}`;
      parts.push(`${words.describeWaits(objectOf(object))}${lasts}`);
    }
  }
  if (isStuck) parts.push(words.describeDeadlock);
  return parts.filter(Boolean).join(words.comma);
}
