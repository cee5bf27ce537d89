import { graphlib, layout } from "@dagrejs/dagre";
import type { ModelEdge, ModelNode, Part, Ring } from "./graph-model.ts";

export type Direction = "right" | "down";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedNode extends Box {
  node: ModelNode;
  ring: Ring | null;
}

export interface PlacedEdge {
  edge: ModelEdge;
  path: string;
  label: { x: number; y: number; anchor: "start" | "middle" | "end" } | null;
}

export interface Zone extends Box {
  ring: Ring;
  /** Where the mark of the way out stands: its middle. */
  mark: { x: number; y: number } | null;
}

export interface PlacedPart {
  signature: string;
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  zones: Zone[];
}

export interface Sizes {
  direction: Direction;
  /** Of a box, px. */
  boxWidth: number;
}

export const BOX_HEIGHT = 46;
const LINE_ROW = 17;
export const MARK: { width: number; height: number } = { width: 176, height: 24 };
/** Around what stands in a ring; at its head stand words. */
const PAD = 14;
const HEAD = 46;
/** Below a ring that is too narrow for its words at the head. */
const FOOT = 16;
/** Beside a ring: where arrows go around it. */
const CHANNEL = 27;

/** Rows of a line: those who wait, and how many more. */
export const LISTED = 5;

export function heightOf(node: ModelNode): number {
  if (node.type !== "line") return BOX_HEIGHT;
  const rows = Math.min(node.waiting, LISTED) + (node.waiting > LISTED ? 1 : 0);
  return 30 + rows * LINE_ROW + 8;
}

/** Places the nodes of a part: from who waits to the cause. */
export function place(part: Part, sizes: Sizes): PlacedPart {
  const graph = new graphlib.Graph({ multigraph: true });
  const isRight = sizes.direction === "right";
  graph.setGraph({
    rankdir: isRight ? "LR" : "TB",
    ...{ nodesep: isRight ? 26 : 18, ranksep: isRight ? 58 : 34, marginx: 2, marginy: 2 },
  });
  graph.setDefaultEdgeLabel(() => ({}));
  const rings = part.rings.map((ring) => ringShape(ring, sizes));
  const ringOf = new Map(rings.flatMap((shape) => shape.ring.nodes.map((id) => [id, shape] as const)));
  const name = (id: string): string => {
    const shape = ringOf.get(id);
    return shape ? `ring ${shape.ring.index}` : id;
  };
  for (const shape of rings) {
    graph.setNode(`ring ${shape.ring.index}`, { width: shape.width, height: shape.height });
  }
  for (const node of part.nodes) {
    if (!ringOf.has(node.id)) graph.setNode(node.id, { width: sizes.boxWidth, height: heightOf(node) });
  }
  for (const { id, from, to } of part.edges) {
    if (name(from) !== name(to)) graph.setEdge(name(from), name(to), {}, id);
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const boxes = new Map<string, Box>();
  const zones: Zone[] = [];
  for (const shape of rings) {
    const at = cornerOf(graph.node(`ring ${shape.ring.index}`) as Box);
    zones.push({
      ring: shape.ring,
      ...{ x: at.x + shape.channelX, y: at.y + shape.channelY, width: shape.inner.width, height: shape.inner.height },
      mark: shape.mark && { x: at.x + shape.mark.x, y: at.y + shape.mark.y },
    });
    for (const [id, box] of shape.boxes) boxes.set(id, { ...box, x: at.x + box.x, y: at.y + box.y });
  }
  for (const { id } of part.nodes) if (!boxes.has(id)) boxes.set(id, cornerOf(graph.node(id) as Box));
  const nodes = part.nodes.flatMap((node): PlacedNode[] => {
    const box = boxes.get(node.id);
    return box ? [{ node, ring: ringOf.get(node.id)?.ring ?? null, ...box }] : [];
  });
  const draw = { isRight, boxes, zones, ringOf: (id: string) => ringOf.get(id)?.ring ?? null };
  return {
    ...{ signature: part.signature, width: Math.ceil(width), height: Math.ceil(height), nodes, zones },
    edges: part.edges.flatMap((edge, index) => drawEdge(edge, { ...draw, index })),
  };
}

/** Puts the parts beside and below each other, in their order. @returns the corner of each, and the size of all */
export function pack(
  parts: readonly PlacedPart[],
  width: number,
): { corners: { x: number; y: number }[]; width: number; height: number } {
  const gap = { x: 44, y: 26 };
  const corners: { x: number; y: number }[] = [];
  let [x, y, rowHeight, widest] = [0, 0, 0, 0];
  for (const part of parts) {
    if (x > 0 && x + part.width > width) [x, y, rowHeight] = [0, y + rowHeight + gap.y, 0];
    corners.push({ x, y });
    widest = Math.max(widest, x + part.width);
    rowHeight = Math.max(rowHeight, part.height);
    x += part.width + gap.x;
  }
  return { corners, width: widest, height: y + rowHeight };
}

interface RingShape {
  ring: Ring;
  width: number;
  height: number;
  channelX: number;
  channelY: number;
  inner: { width: number; height: number };
  boxes: Map<string, Box>;
  mark: { x: number; y: number } | null;
}

/** A ring in two rows, or in two columns, clockwise; the way out stands at the top on the right. */
function ringShape(ring: Ring, { direction, boxWidth }: Sizes): RingShape {
  const count = ring.nodes.length;
  const columns = direction === "right" || count === 2 ? count / 2 : 2;
  const isFlat = count === 2;
  const rows = isFlat ? 1 : direction === "right" ? 2 : count / 2;
  const across = isFlat ? 2 : columns;
  const gapX = direction === "right" ? 84 : boxWidth < 150 ? 26 : 40;
  const gapY = direction === "right" ? 92 : 62;
  const turned = turn(ring, isFlat ? 1 : direction === "right" ? columns - 1 : 1);
  const [channelX, channelY] = direction === "right" ? [0, CHANNEL] : [boxWidth < 150 ? 8 : CHANNEL / 2, 0];
  const boxes = new Map<string, Box>();
  for (const [index, id] of turned.entries()) {
    const { column, row } = spot(index, { across, rows });
    boxes.set(id, {
      x: channelX + PAD + column * (boxWidth + gapX),
      y: channelY + HEAD + row * (BOX_HEIGHT + gapY),
      ...{ width: boxWidth, height: BOX_HEIGHT },
    });
  }
  const inner = {
    width: 2 * PAD + across * boxWidth + (across - 1) * gapX,
    height: HEAD + PAD + (direction === "right" ? 0 : FOOT) + rows * BOX_HEIGHT + (rows - 1) * gapY,
  };
  const exit = ring.exit === null ? undefined : boxes.get(ring.exit);
  const markX = exit && Math.min(exit.x + exit.width / 2, channelX + inner.width - MARK.width / 2 - 6);
  return {
    ...{ ring, channelX, channelY, inner, boxes },
    width: inner.width + 2 * channelX,
    height: inner.height + 2 * channelY,
    mark: exit && markX !== undefined ? { x: markX, y: exit.y - 20 } : null,
  };
}

/** The nodes of the ring, so that the way out stands at that place. */
function turn({ nodes, exit }: Ring, at: number): string[] {
  const found = exit === null ? -1 : nodes.indexOf(exit);
  if (found < 0) return nodes;
  const first = (found - at + nodes.length) % nodes.length;
  return [...nodes.slice(first), ...nodes.slice(0, first)];
}

function spot(index: number, { across, rows }: { across: number; rows: number }): { column: number; row: number } {
  if (index < across) return { column: index, row: 0 };
  if (rows === 2) return { column: across - 1 - (index - across), row: 1 };
  // Two columns: down on the right, then up on the left.
  if (index < across + rows - 1) return { column: 1, row: index - across + 1 };
  return { column: 0, row: rows - 1 - (index - across - rows + 1) };
}

interface Drawing {
  isRight: boolean;
  boxes: ReadonlyMap<string, Box>;
  zones: readonly Zone[];
  ringOf: (id: string) => Ring | null;
  index: number;
}

function drawEdge(edge: ModelEdge, drawing: Drawing): PlacedEdge[] {
  const { boxes, ringOf, isRight } = drawing;
  const from = boxes.get(edge.from);
  const to = boxes.get(edge.to);
  if (!from || !to) return [];
  const ring = ringOf(edge.to);
  if (ring !== null && ring === ringOf(edge.from))
    return [inRing(edge, { from, to, drawing, size: ring.nodes.length })];
  if (ring !== null) return [intoRing(edge, { from, to, drawing, ring })];
  if (!isRight) {
    const [start, end] = [
      { x: middleX(from), y: from.y + from.height },
      { x: middleX(to), y: to.y - 1 },
    ];
    if (end.y <= start.y) return [backwards(edge, from, to)];
    const bend = (end.y - start.y) / 2;
    const path = `M${at(start)}C${at({ x: start.x, y: start.y + bend })} ${at({ x: end.x, y: end.y - bend })} ${at(end)}`;
    const label = { x: (start.x + end.x) / 2 + 8, y: (start.y + end.y) / 2 + 4, anchor: "start" as const };
    return [{ edge, path, label }];
  }
  const [start, end] = [
    { x: from.x + from.width, y: middleY(from) },
    { x: to.x - 1, y: middleY(to) },
  ];
  if (end.x <= start.x) return [backwards(edge, from, to)];
  return [{ edge, ...bow(start, end) }];
}

function bow(start: Point, end: Point): Omit<PlacedEdge, "edge"> {
  const bend = (end.x - start.x) / 2;
  const path = `M${at(start)}C${at({ x: start.x + bend, y: start.y })} ${at({ x: end.x - bend, y: end.y })} ${at(end)}`;
  return { path, label: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 - 7, anchor: "middle" } };
}

/** From one box of a ring to the next: a straight line. */
function inRing(
  edge: ModelEdge,
  { from, to, drawing, size }: { from: Box; to: Box; drawing: Drawing; size: number },
): PlacedEdge {
  const { isRight } = drawing;
  if (from.y === to.y && size === 2) {
    // Two boxes, two arrows between them.
    const shift = edge.how === "holds" ? -9 : 9;
    const y = middleY(from) + shift;
    const [start, end] = from.x < to.x ? [from.x + from.width, to.x - 2] : [from.x, to.x + to.width + 2];
    const label = { x: (start + end) / 2, y: y + (shift < 0 ? -6 : 15), anchor: "middle" as const };
    return { edge, path: `M${start} ${y}H${end}`, label: isRight ? label : null };
  }
  if (from.y === to.y) {
    const [start, end] = from.x < to.x ? [from.x + from.width, to.x - 2] : [from.x, to.x + to.width + 2];
    const label = { x: (start + end) / 2, y: middleY(from) - 7, anchor: "middle" as const };
    return { edge, path: `M${start} ${middleY(from)}H${end}`, label: isRight ? label : null };
  }
  const x = middleX(from);
  const [start, end] = from.y < to.y ? [from.y + from.height, to.y - 2] : [from.y, to.y + to.height + 2];
  const isLeft = isRight ? from.y > to.y : from.y < to.y;
  const label = {
    x: x + (isLeft ? -9 : 9),
    y: (start + end) / 2 + 4,
    anchor: isLeft ? ("end" as const) : ("start" as const),
  };
  return { edge, path: `M${x} ${start}V${end}`, label };
}

/** To a box of a ring: straight to those at its front, around the ring to the others. */
function intoRing(
  edge: ModelEdge,
  { from, to, drawing, ring }: { from: Box; to: Box; drawing: Drawing; ring: Ring },
): PlacedEdge {
  const zone = drawing.zones.find((one) => one.ring === ring);
  if (!zone) return backwards(edge, from, to);
  const shift = (drawing.index % 4) * 4;
  if (drawing.isRight) {
    const start = { x: from.x + from.width, y: middleY(from) };
    if (to.x - zone.x <= PAD + 1) return { edge, ...bow(start, { x: to.x - 1, y: middleY(to) }) };
    const isLow = to.y + to.height > zone.y + zone.height - PAD - 2;
    const y = isLow ? zone.y + zone.height + 8 + shift : zone.y - 8 - shift;
    const turnX = zone.x - 14 - shift;
    const end = isLow ? to.y + to.height + 1 : to.y - 1;
    const x = middleX(to) + (isLow ? 18 : -to.width / 2 + 16);
    const label = { x: turnX + 14, y: isLow ? y + 14 : y - 6, anchor: "start" as const };
    return { edge, path: rounded([start, { x: turnX, y: start.y }, { x: turnX, y }, { x, y }, { x, y: end }]), label };
  }
  const start = { x: middleX(from), y: from.y + from.height };
  const isLeft = middleX(to) < zone.x + zone.width / 2;
  if (to.y - zone.y <= HEAD + 1 && isLeft) {
    const end = { x: middleX(to) - 20, y: to.y - 1 };
    const bend = (end.y - start.y) / 2;
    const path = `M${at(start)}C${at({ x: start.x, y: start.y + bend })} ${at({ x: end.x, y: end.y - bend })} ${at(end)}`;
    return { edge, path, label: { x: start.x + 8, y: start.y + 18, anchor: "start" } };
  }
  const x = isLeft ? zone.x - 4 - shift / 2 : zone.x + zone.width + 4 + shift / 2;
  const turnY = zone.y - 12 - shift;
  const end = { x: isLeft ? to.x - 1 : to.x + to.width + 1, y: middleY(to) + (to.y - zone.y <= HEAD + 1 ? 12 : 0) };
  const path = rounded([start, { x: start.x, y: turnY }, { x, y: turnY }, { x, y: end.y }, end]);
  return { edge, path, label: { x: start.x + 8, y: start.y + 18, anchor: "start" } };
}

/** An arrow against the direction of the rest, such as in deadlocks that share a node. */
function backwards(edge: ModelEdge, from: Box, to: Box): PlacedEdge {
  const start = { x: middleX(from), y: from.y + from.height };
  const end = { x: middleX(to), y: to.y + to.height + 1 };
  const low = Math.max(start.y, end.y) + 34;
  const path = `M${at(start)}C${at({ x: start.x, y: low })} ${at({ x: end.x, y: low })} ${at(end)}`;
  return { edge, path, label: null };
}

interface Point {
  x: number;
  y: number;
}

/** A line through corners, which are round. */
function rounded(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${at(first)}`;
  for (const [index, corner] of rest.entries()) {
    const before = points[index] ?? first;
    const after = rest[index + 1];
    if (!after) {
      path += `L${at(corner)}`;
      continue;
    }
    path += `L${at(towards(corner, before))}Q${at(corner)} ${at(towards(corner, after))}`;
  }
  return path;
}

/** A point at most 8 px from a corner on the way to another point. */
function towards(corner: Point, other: Point): Point {
  const [dx, dy] = [other.x - corner.x, other.y - corner.y];
  const distance = Math.hypot(dx, dy);
  const step = distance === 0 ? 0 : Math.min(8, distance / 2) / distance;
  return { x: corner.x + dx * step, y: corner.y + dy * step };
}

function at({ x, y }: Point): string {
  return `${Math.round(x * 2) / 2} ${Math.round(y * 2) / 2}`;
}

function cornerOf({ x, y, width, height }: Box): Box {
  return { x: Math.round(x - width / 2), y: Math.round(y - height / 2), width, height };
}

function middleX({ x, width }: Box): number {
  return x + width / 2;
}

function middleY({ y, height }: Box): number {
  return y + height / 2;
}
