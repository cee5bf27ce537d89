import { type ValueNode, valueTree } from "@manyhands/core/internal";
import type { Redaction } from "../values/redaction.ts";

/** Longest preview, characters. */
const LONGEST = 160;

/** Arguments in one short line, for a list; null where there are none to be shown. */
export function previewOf(args: unknown, redaction: Redaction): string | null {
  if (args === undefined) return null;
  const isHidden = (path: readonly (string | number)[]) => redaction.hides(path);
  const node = valueTree(args, { depth: 3, most: 40, page: 12, text: LONGEST, path: ["args"], isHidden });
  const text = node.items === undefined ? textOf(node) : listed(node);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function textOf(node: ValueNode): string {
  const { type, text = "", size, items } = node;
  if (type === "string") return `${JSON.stringify(text)}${node.isFolded ? "…" : ""}`;
  if (type === "bigint") return `${text}n`;
  if (type === "hidden") return "hidden";
  if (items === undefined) {
    if (type === "Array") return size === 0 ? "[]" : `[${size}]`;
    if (type === "Object") return size === 0 ? "{}" : "{…}";
    return text === "" ? (size === undefined ? type : `${type}(${size})`) : text;
  }
  if (type === "Array") return `[${listed(node)}]`;
  if (type === "Object") return `{ ${listed(node)} }`;
  return `${type} { ${listed(node)} }`;
}

function listed({ type, items = [], isFolded }: ValueNode): string {
  const parts = items.map(({ key, node }) => {
    if (key === undefined || type === "Array") return textOf(node);
    return `${typeof key === "string" ? key : textOf(key)}: ${textOf(node)}`;
  });
  return [...parts, ...(isFolded ? ["…"] : [])].join(", ");
}
