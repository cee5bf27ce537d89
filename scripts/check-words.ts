// Every text of the web app stands in packages/dashboard/web/src/words, in each language: a component that has one of its own
// is found here. Ends with 1 and a line for each.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst } from "rolldown/parseAst";
import { ROOT } from "./root.ts";

/** Attributes that are read or heard. */
const READ = new Set(["title", "alt", "label", "placeholder", "aria-label", "aria-description", "aria-valuetext"]);
/** Where a text is no language: keys of the keyboard, and code. */
const CODE = new Set(["kbd", "code", "samp", "pre"]);
/** The same in each language. */
const NAMES = new Set([
  "manyhands",
  "BullMQ",
  "Redis",
  "Node",
  "pid",
  "stdout",
  "stderr",
  "bigint",
  "anonymous",
  "default",
]);

interface Node {
  type: string;
  start: number;
  [part: string]: unknown;
}

const found = globSync("packages/dashboard/web/src/**/*.tsx", { cwd: ROOT }).sort().flatMap(textsOf);
for (const line of found) console.error(line);
if (found.length > 0)
  console.error("write it into packages/dashboard/web/src/words/en and zh, and read it with useWords()");
process.exitCode = found.length > 0 ? 1 : 0;

function textsOf(file: string): string[] {
  const code = readFileSync(join(ROOT, file), "utf8");
  const found: string[] = [];
  const note = (node: Node, text: string): void => {
    const line = code.slice(0, node.start).split("\n").length;
    found.push(`${file}:${line}: "${text.trim().replaceAll(/\s+/g, " ")}"`);
  };
  visit(parseAst(code, { lang: "tsx" }) as unknown as Node, note);
  return found;
}

function visit(node: Node, note: (node: Node, text: string) => void): void {
  if (node.type === "JSXElement" && CODE.has(nameOf(node))) {
    const { attributes } = node["openingElement"] as { attributes: Node[] };
    for (const attribute of attributes) visit(attribute, note);
    return;
  }
  if (node.type === "JSXText" && isText(String(node["value"]))) note(node, String(node["value"]));
  if (node.type === "JSXElement" || node.type === "JSXFragment") {
    for (const child of node["children"] as Node[]) {
      if (child.type === "JSXExpressionContainer") lookAtValue(child["expression"] as Node, note);
    }
  }
  if (node.type === "JSXAttribute" && READ.has(String((node["name"] as Node)["name"]))) {
    const value = node["value"] as Node | null;
    if (value) lookAtValue(value.type === "JSXExpressionContainer" ? (value["expression"] as Node) : value, note);
  }
  for (const part of Object.values(node)) {
    for (const child of Array.isArray(part) ? part : [part]) if (isNode(child)) visit(child, note);
  }
}

/** Texts that the value of an expression may be. */
function lookAtValue(node: Node, note: (node: Node, text: string) => void): void {
  if (node.type === "Literal" && typeof node["value"] === "string" && isText(node["value"])) note(node, node["value"]);
  if (node.type === "TemplateLiteral") {
    const texts = (node["quasis"] as Node[]).map(({ value }) => (value as { cooked: string }).cooked);
    if (texts.some(isText)) note(node, texts.join("…"));
  }
  for (const part of ["consequent", "alternate", "right", "left"]) {
    if (isNode(node[part]) && ["ConditionalExpression", "LogicalExpression"].includes(node.type)) {
      lookAtValue(node[part], note);
    }
  }
}

function nameOf(element: Node): string {
  const { name } = element["openingElement"] as { name: Node };
  return String(name["name"]);
}

function isText(text: string): boolean {
  return /\p{L}/u.test(text) && !NAMES.has(text.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, ""));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Partial<Node>).type === "string";
}
