import type { WaitGraph } from "../../../../src/api/types.ts";

export interface ParticipantNode {
  type: "participant";
  id: string;
}
export interface ObjectNode {
  type: "object";
  id: string;
}
/** Many that wait for one object and for nothing else. */
export interface LineNode {
  type: "line";
  id: string;
  object: string;
  /** Participants, in order. */
  members: string[];
  /** All that wait, those that are not listed included. */
  waiting: number;
}
export type ModelNode = ParticipantNode | ObjectNode | LineNode;

export interface ModelEdge {
  id: string;
  from: string;
  to: string;
  how: "waits" | "holds";
  /** In a deadlock. */
  isInCircle: boolean;
}

/** A deadlock as it is drawn: objects and participants by turns, each arrow leads to the next one, the last one's to the first. */
export interface Ring {
  nodes: string[];
  /** Whom to end. */
  exit: string | null;
  /** Place of the deadlock in the graph. */
  index: number;
}

/** What hangs together. */
export interface Part {
  /** Stays the same while its nodes and edges are the same. */
  signature: string;
  nodes: ModelNode[];
  edges: ModelEdge[];
  rings: Ring[];
}

/** From so many on, those who wait for one object alone are one node. */
const FOLDED_FROM = 3;

/** The graph without waits that began after `youngest`, which are not worth a look yet; those of a deadlock stay. */
export function withoutYoung(graph: WaitGraph, youngest: number): { graph: WaitGraph; hidden: number } {
  const circle = new Set(
    graph.deadlocks.flatMap((deadlock) => deadlock.circle.map(({ participant, object }) => `${participant} ${object}`)),
  );
  const waits = graph.waits.filter(
    ({ participant, object, since }) => since === null || since <= youngest || circle.has(`${participant} ${object}`),
  );
  const hidden = graph.waits.length - waits.length;
  if (hidden === 0) return { graph, hidden };
  const young = new Map<string, number>();
  for (const wait of graph.waits) if (!waits.includes(wait)) young.set(wait.object, (young.get(wait.object) ?? 0) + 1);
  const objects = graph.objects
    .map((object) => ({ ...object, waiting: object.waiting - (young.get(object.id) ?? 0) }))
    .filter(({ waiting }) => waiting > 0);
  const kept = new Set(objects.map(({ id }) => id));
  const holds = graph.holds.filter(({ object }) => kept.has(object));
  const named = new Set([...waits, ...holds].map(({ participant }) => participant));
  const participants = graph.participants.filter(({ id }) => named.has(id));
  return { graph: { ...graph, waits, objects, holds, participants }, hidden };
}

/** The graph as it is drawn, in parts that hang together; those with a deadlock first. */
export function partsOf(graph: WaitGraph): Part[] {
  const { nodes, edges } = fold(graph);
  const rings = ringsOf(graph);
  const group = new Map<string, string>();
  const root = (id: string): string => {
    let at = id;
    for (let next = group.get(at); next !== undefined && next !== at; next = group.get(at)) at = next;
    return at;
  };
  for (const { id } of nodes) group.set(id, id);
  for (const { from, to } of edges) group.set(root(from), root(to));
  const parts = new Map<string, Part>();
  for (const node of nodes) {
    const id = root(node.id);
    const part = parts.get(id) ?? { signature: "", nodes: [], edges: [], rings: [] };
    part.nodes.push(node);
    parts.set(id, part);
  }
  for (const edge of edges) parts.get(root(edge.from))?.edges.push(edge);
  for (const ring of rings) parts.get(root(ring.nodes[0] ?? ""))?.rings.push(ring);
  const weight = (part: Part): number =>
    part.rings.length * 1e6 +
    part.nodes.reduce((sum, node) => sum + (node.type === "line" ? node.waiting : node.type === "object" ? 0 : 1), 0);
  return [...parts.values()]
    .map((part) => ({ ...part, signature: signatureOf(part) }))
    .toSorted((one, other) => weight(other) - weight(one) || (one.signature < other.signature ? -1 : 1));
}

function fold(graph: WaitGraph): { nodes: ModelNode[]; edges: ModelEdge[] } {
  const waitsOf = Map.groupBy(graph.waits, ({ participant }) => participant);
  const lineOf = Map.groupBy(graph.waits, ({ object }) => object);
  const holders = new Set(graph.holds.map(({ participant }) => participant));
  const circle = new Set<string>();
  for (const deadlock of graph.deadlocks) {
    for (const [index, { participant, object }] of deadlock.circle.entries()) {
      const next = deadlock.circle[(index + 1) % deadlock.circle.length];
      circle.add(`${participant} waits ${object}`);
      circle.add(`${object} holds ${next?.participant}`);
    }
  }
  const folded = new Set<string>();
  const nodes: ModelNode[] = [];
  const edges: ModelEdge[] = [];
  const link = (from: string, to: string, how: ModelEdge["how"]): void => {
    edges.push({ id: `${from} ${how} ${to}`, from, to, how, isInCircle: circle.has(`${from} ${how} ${to}`) });
  };
  for (const object of graph.objects) {
    nodes.push({ type: "object", id: object.id });
    const simple = (lineOf.get(object.id) ?? []).filter(
      ({ participant }) => waitsOf.get(participant)?.length === 1 && !holders.has(participant),
    );
    const isLine = simple.length + object.more >= FOLDED_FROM;
    if (!isLine) continue;
    const members = simple.toSorted((one, other) => one.place - other.place).map(({ participant }) => participant);
    for (const member of members) folded.add(member);
    const id = `line ${object.id}`;
    nodes.push({ type: "line", id, object: object.id, members, waiting: members.length + object.more });
    link(id, object.id, "waits");
  }
  for (const { id } of graph.participants) {
    if (folded.has(id)) continue;
    nodes.push({ type: "participant", id });
    for (const { object } of waitsOf.get(id) ?? []) link(id, object, "waits");
  }
  for (const { object, participant } of graph.holds) link(object, participant, "holds");
  return { nodes, edges };
}

/** The deadlocks that share no node; of others the first one is drawn as a ring. */
function ringsOf(graph: WaitGraph): Ring[] {
  const taken = new Set<string>();
  const known = new Set([...graph.participants, ...graph.objects].map(({ id }) => id));
  const rings: Ring[] = [];
  for (const [index, { circle, exits }] of graph.deadlocks.entries()) {
    const nodes = circle.flatMap(({ participant, object }) => [participant, object]);
    if (new Set(nodes).size < nodes.length || nodes.some((id) => taken.has(id) || !known.has(id))) continue;
    for (const id of nodes) taken.add(id);
    rings.push({ nodes, exit: exits[0]?.participant ?? null, index });
  }
  return rings;
}

function signatureOf({ nodes, edges, rings }: Part): string {
  const shapes = nodes.map((node) => `${node.id}${node.type === "line" ? ` ${Math.min(node.waiting, 6)}` : ""}`);
  const circles = rings.map(({ nodes: ids, exit }) => `${ids.join(">")} ${exit}`);
  return [...shapes.toSorted(), ...edges.map(({ id }) => id).toSorted(), ...circles].join("\n");
}
