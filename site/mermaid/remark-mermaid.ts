import type { Root } from "mdast";

/** Makes an element of each block of code in Mermaid's language, which the component in diagrams.tsx draws. */
export function remarkMermaid(): (tree: Root) => void {
  return (tree) => {
    tree.children = tree.children.map((node) => {
      if (node.type !== "code" || node.lang !== "mermaid") return node;
      const source = escaped(node.value);
      return { type: "html", value: `<div class="mermaid-diagram" data-source="${source}">${source}</div>` };
    });
  };
}

function escaped(text: string): string {
  return text.replace(/[&<>"\n]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
