import { type ReactNode, useState } from "react";
import type { ValueView } from "../../../src/api/types.ts";
import { bytes, count } from "../format/numbers.ts";
import { visible } from "../format/visible.ts";
import { useWords } from "../words/index.ts";

/** Reads more of a value: what is at these places, from that part on. */
export type ReadMore = (places: readonly number[], from: number) => Promise<ValueView>;

/**
 * A value with the types of all that is in it. What the server has folded is read when it is opened.
 *
 * @param more - Reads what is folded; without it that is only said.
 * @param short - A small value is told in one line, as in a table.
 */
export function ValueTree({ node, more, short = false }: { node: ValueView; more?: ReadMore; short?: boolean }) {
  const line = short ? lineOf(node) : null;
  return <div className="tree">{line ?? <Node node={node} places={[]} {...(more && { more })} />}</div>;
}

/** Longest value that is told in one line, characters. */
const LINE = 110;

/** A small value that holds only plain ones, in one line; null for others. */
function lineOf({ type, items, isFolded }: ValueView): ReactNode {
  if (items === undefined || isFolded || (type !== "Object" && type !== "Array")) return null;
  const isPlain = items.every(({ key, node }) => (key === undefined || typeof key === "string") && isScalar(node));
  const length = items.reduce(
    (sum, { key, node }) => sum + String(key ?? "").length + (node.text ?? node.type).length + 4,
    0,
  );
  if (!isPlain || length > LINE) return null;
  return items.map(({ place, key, node }, index) => (
    <span key={place}>
      {index > 0 && ", "}
      {type === "Object" && typeof key === "string" && <Key value={key} />}
      <Node node={node} places={[place]} />
    </span>
  ));
}

function isScalar({ type, isFolded }: ValueView): boolean {
  return !isFolded && (type === "string" || WORDS.has(type));
}

interface NodeProps {
  node: ValueView;
  places: readonly number[];
  more?: ReadMore;
}

/** Levels that are open at first. */
const OPEN_LEVELS = 2;
/** Parts of one value that are open at first. */
const OPEN_PARTS = 30;
const WORDS = new Set(["null", "undefined", "boolean", "number", "bigint", "symbol"]);

function Node({ node, places, more }: NodeProps) {
  const { values: said } = useWords();
  const { type } = node;
  if (type === "hidden") return <span className="redacted">{said.hidden}</span>;
  if (type === "circular") return <span className="type">{said.circular}</span>;
  if (type === "hole") return <span className="type">{said.hole}</span>;
  if (type === "string") return <Text node={node} places={places} {...(more && { more })} />;
  if (WORDS.has(type)) {
    return (
      <>
        <span className="lit">{visible(node.text ?? type)}</span>
        {type === "bigint" && <span className="type">bigint</span>}
      </>
    );
  }
  if (node.items !== undefined || node.isFolded || node.text === undefined) {
    return <Parts node={node} places={places} {...(more && { more })} />;
  }
  return (
    <>
      <span className="lit">{visible(node.text)}</span>
      <span className="type">
        {visible(type)}
        {node.isFolded && node.size !== undefined ? `, ${bytes(node.size)}` : ""}
      </span>
    </>
  );
}

function Text({ node, places, more }: NodeProps) {
  const { values: said } = useWords();
  const [whole, setWhole] = useState<ValueView | null>(null);
  const shown = whole ?? node;
  const isCut = shown.isFolded === true;
  return (
    <>
      <span className="str">
        "<bdi>{visible(shown.text ?? "")}</bdi>
        {isCut ? "…" : '"'}
      </span>
      {isCut && (
        <More size={said.characters(count(node.size ?? 0))} onOpen={more && (() => more(places, 0).then(setWhole))} />
      )}
    </>
  );
}

/** A value that holds others: its members, items, or entries. */
function Parts({ node, places, more }: NodeProps) {
  const { values: said } = useWords();
  const [read, setRead] = useState<ValueView[]>([]);
  const items = [node, ...read].flatMap((part) => part.items ?? []);
  const size = node.size ?? items.length;
  const [isOpen, setOpen] = useState(items.length > 0 && items.length <= OPEN_PARTS && places.length < OPEN_LEVELS);
  const isList = node.type === "Array" || node.type === "Set";
  const last = read.at(-1) ?? node;
  const open = (): Promise<void> => {
    if (items.length > 0 || !more) return Promise.resolve(setOpen(true));
    return more(places, 0).then((part) => {
      setRead([part]);
      setOpen(true);
    });
  };
  const label = isList ? said.items(count(size)) : said.members(count(size));
  const type =
    node.type === "Object" || node.type === "Array" ? null : <span className="type">{visible(node.type)}</span>;
  if (size === 0 && items.length === 0) {
    return (
      <>
        {isList ? "[]" : "{}"}
        {type}
      </>
    );
  }
  if (items.length === 0 && !more) {
    return (
      <>
        <span className="soft">{label}</span>
        {type}
      </>
    );
  }
  return (
    <>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => (isOpen ? setOpen(false) : void open().catch(() => {}))}
      >
        {label}
      </button>
      {type}
      {isOpen && (
        <ul>
          {items.map(({ place, key, node: part }) => (
            <li key={place}>
              <Key value={key ?? String(place)} />
              <Node node={part} places={[...places, place]} {...(more && { more })} />
            </li>
          ))}
          {last.isFolded && items.length < size && (
            <li>
              <More
                size={said.more(count(size - items.length))}
                onOpen={
                  more && (() => more(places, (items.at(-1)?.place ?? -1) + 1).then((part) => setRead([...read, part])))
                }
              />
            </li>
          )}
        </ul>
      )}
    </>
  );
}

function Key({ value }: { value: string | ValueView }): ReactNode {
  return (
    <span className="key">
      {typeof value === "string" ? <bdi>{visible(value)}</bdi> : <Node node={value} places={[]} />}:{" "}
    </span>
  );
}

/** What is folded, and how much that is. */
function More({ size, onOpen }: { size: string; onOpen: (() => Promise<void>) | undefined }) {
  const { values: said } = useWords();
  const [state, setState] = useState<"" | "busy" | "failed">("");
  if (!onOpen) return <span className="type">{size}</span>;
  const press = (): void => {
    if (state === "busy") return;
    setState("busy");
    onOpen().then(
      () => setState(""),
      () => setState("failed"),
    );
  };
  return (
    <>
      {" "}
      <button type="button" aria-busy={state === "busy" || undefined} onClick={press}>
        {size}
      </button>
      {state === "failed" && <span className="bad"> {said.notRead}</span>}
    </>
  );
}
