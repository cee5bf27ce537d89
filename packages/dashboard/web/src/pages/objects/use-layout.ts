import { useMemo, useRef } from "react";
import type { WaitGraph } from "../../../../src/api/types.ts";
import { type PlacedPart, pack, place, type Sizes } from "./graph-layout.ts";
import { partsOf } from "./graph-model.ts";

export interface Layout {
  parts: PlacedPart[];
  corners: { x: number; y: number }[];
  width: number;
  height: number;
}

/** From this width on the graph runs to the right, where it fits, px. */
const WIDE = 700;

/**
 * Where everything stands. What is as it was stays where it was: a part is placed anew only when its nodes or arrows are
 * others, parts keep their order, and new ones come behind them.
 */
export function useLayout(graph: WaitGraph, width: number): Layout | null {
  const memory = useRef(new Map<string, PlacedPart>());
  const order = useRef<string[]>([]);
  return useMemo(() => {
    if (width <= 0) return null;
    const parts = partsOf(graph);
    const before = order.current;
    const keyOf = (part: (typeof parts)[number]): string => keyNode(part.nodes.map(({ id }) => id));
    const rank = (part: (typeof parts)[number]): number => {
      const found = before.indexOf(keyOf(part));
      return found < 0 ? before.length : found;
    };
    const sorted = parts.toSorted(
      (one, other) => Number(other.rings.length > 0) - Number(one.rings.length > 0) || rank(one) - rank(other),
    );
    order.current = sorted.map(keyOf);
    const kept = new Map<string, PlacedPart>();
    const placed = sorted.map((part) => {
      const sizes = sizesFor(width);
      const right: Sizes = { direction: "right", boxWidth: sizes.boxWidth };
      const wanted: Sizes[] =
        width >= WIDE ? [right, { ...sizes, direction: "down" }] : [{ ...sizes, direction: "down" }];
      let found: PlacedPart | undefined;
      for (const size of wanted) {
        const key = `${size.direction} ${size.boxWidth} ${part.signature}`;
        found = memory.current.get(key) ?? place(part, size);
        kept.set(key, found);
        if (found.width <= width) break;
      }
      // Where neither fits, it runs to the right and scrolls.
      if (found && found.width > width && width >= WIDE) {
        found = kept.get(`right ${sizes.boxWidth} ${part.signature}`) ?? found;
      }
      return found as PlacedPart;
    });
    memory.current = kept;
    return { parts: placed, ...pack(placed, width) };
  }, [graph, width]);
}

function sizesFor(width: number): { boxWidth: number } {
  if (width < 420) return { boxWidth: Math.min(148, Math.max(112, Math.floor((width - 26 - 28 - 16 - 6) / 2))) };
  return { boxWidth: width < WIDE ? 164 : 152 };
}

/** Names a part by its first node: it stays the same part when others come to it. */
function keyNode(ids: readonly string[]): string {
  return ids.toSorted()[0] ?? "";
}
