import { type ReactNode, useState } from "react";
import type { ValueView } from "../../../src/api/types.ts";
import { count } from "../format/numbers.ts";
import { visible } from "../format/visible.ts";
import { useWords, type Words } from "../words/index.ts";

/** Reads more of a value: what is at these places, from that part on. */
export type ReadMore = (places: readonly number[], from: number) => Promise<ValueView>;

interface ValueTreeProps {
  node: ValueView;
  /** Reads what is folded; without it that is only said. */
  more?: ReadMore;
  /** A small value is told in one line, as in a table. */
  short?: boolean;
}

/** A value with the types of all that is in it. What the server has folded is read, page by page, when it is unfolded. */
export function ValueTree({ node, more, short = false }: ValueTreeProps) {
  const line = short ? lineOf(node) : null;
  return <div className="tree">{line ?? <Value node={node} more={more} path={[]} />}</div>;
}

/** Longest value that is told in one line, characters. */
const LINE = 110;
/** Levels that are open at first, and parts of a value that are. */
const OPEN_LEVELS = 3;
const OPEN_PARTS = 100;
/** Types whose values have a text of any length. */
const TEXTS: ReadonlySet<string> = new Set([
  "string",
  "number",
  "bigint",
  "boolean",
  "Date",
  "RegExp",
  "URL",
  "symbol",
]);
/** Types that their text tells without a word. */
const PLAIN: ReadonlySet<string> = new Set(["string", "number", "boolean", "null", "undefined", "Object", "Array"]);
const SCALARS: ReadonlySet<string> = new Set(["string", "null", "undefined", "boolean", "number", "bigint", "symbol"]);

/** A small value that holds only plain ones, in one line; null for others. */
function lineOf({ type, items, isFolded }: ValueView): ReactNode {
  if (items === undefined || isFolded || (type !== "Object" && type !== "Array")) return null;
  const isPlain = items.every(
    ({ key, node }) => (key === undefined || typeof key === "string") && !node.isFolded && SCALARS.has(node.type),
  );
  const length = items.reduce(
    (sum, { key, node }) => sum + String(key ?? "").length + (node.text ?? node.type).length + 4,
    0,
  );
  if (!isPlain || length > LINE) return null;
  return items.map(({ place, key, node }, index) => (
    <span key={place}>
      {index > 0 && ", "}
      {type === "Object" && <Key of={key} isList={false} />}
      <Value node={node} more={undefined} path={[place]} />
    </span>
  ));
}

interface ValueProps {
  node: ValueView;
  more: ReadMore | undefined;
  path: readonly number[];
}

function Value(props: ValueProps) {
  const { more, path } = props;
  const { values: said } = useWords();
  const [node, setNode] = useState(props.node);
  const [known, setKnown] = useState(props.node);
  const parts = node.items?.length ?? 0;
  const [isOpen, setOpen] = useState(path.length < OPEN_LEVELS && parts <= OPEN_PARTS);
  const [state, setState] = useState<"idle" | "reading" | "failed">("idle");
  if (known !== props.node) {
    // It was read again: what was unfolded stays, where the value is the same.
    setKnown(props.node);
    if (JSON.stringify(known) !== JSON.stringify(props.node)) setNode(props.node);
  }
  const read = (from: number): void => {
    if (!more || state === "reading") return;
    setState("reading");
    more(path, from).then(
      (part) => {
        setNode(from === 0 ? part : { ...part, items: [...(node.items ?? []), ...(part.items ?? [])] });
        setOpen(true);
        setState("idle");
      },
      () => setState("failed"),
    );
  };
  const readMore = (words: string, from: number): ReactNode =>
    more ? (
      <>
        <button type="button" disabled={state === "reading"} onClick={() => read(from)}>
          {words}
        </button>
        {state === "failed" && (
          <span role="alert" className="bad">
            {" "}
            {said.notRead}
          </span>
        )}
      </>
    ) : (
      <span className="type">{words}</span>
    );

  const { type, text, size, items, isFolded } = node;
  if (type === "hidden") return <span className="redacted">{said.hidden}</span>;
  if (type === "circular") return <span className="redacted">{said.circular}</span>;
  if (type === "hole") return <span className="redacted">{said.hole}</span>;
  if (items === undefined) {
    if (text === undefined && size !== undefined && size > 0)
      return readMore(said.folded(visible(type), count(size)), 0);
    return (
      <>
        <Leaf node={node} said={said} />
        {isFolded && TEXTS.has(type) && <> {readMore(said.characters(count(size ?? 0)), 0)}</>}
      </>
    );
  }
  const isRoot = path.length === 0;
  const last = items.at(-1)?.place ?? -1;
  const left = (size ?? items.length) - (last + 1);
  if (items.length === 0 && left <= 0) return <Leaf node={{ ...node, size: 0 }} said={said} />;
  return (
    <>
      {(!isRoot || !PLAIN.has(type)) && (
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {said.folded(visible(type), count(size ?? items.length))}
        </button>
      )}
      {(isOpen || (isRoot && PLAIN.has(type))) && (
        <ul>
          {items.map(({ place, key, node: inner }) => (
            <li key={place}>
              <Key of={key ?? (type === "Array" ? String(place) : undefined)} isList={type === "Array"} />
              <Value node={inner} more={more} path={[...path, place]} />
            </li>
          ))}
          {left > 0 && <li>{readMore(said.more(count(left)), last + 1)}</li>}
        </ul>
      )}
    </>
  );
}

function Key({ of, isList }: { of: string | ValueView | undefined; isList: boolean }) {
  const { values: said } = useWords();
  if (of === undefined) return null;
  if (typeof of === "string") {
    return (
      <>
        <span className={isList ? "key index" : "key"}>
          <bdi>{visible(of)}</bdi>:
        </span>{" "}
      </>
    );
  }
  return (
    <>
      <span className="key">
        <Leaf node={of} said={said} /> →
      </span>{" "}
    </>
  );
}

/** A value without parts. */
function Leaf({ node, said }: { node: ValueView; said: Words["values"] }) {
  const { type, text, size, isFolded } = node;
  if (type === "string") {
    return (
      <span className="str">
        "<bdi>{lines(text ?? "")}</bdi>
        {isFolded ? "…" : '"'}
      </span>
    );
  }
  const isBytes = size !== undefined && text !== undefined && !TEXTS.has(type);
  const shown = text ?? (size === 0 ? (type === "Array" ? "[]" : type === "Object" ? "{}" : said.empty) : type);
  return (
    <>
      <span className="lit">
        {visible(shown)}
        {isBytes && isFolded && " …"}
      </span>
      {!PLAIN.has(type) && (
        <span className="type">{isBytes ? said.bytes(visible(type), count(size)) : visible(type)}</span>
      )}
    </>
  );
}

/** A text with its lines as they are. */
function lines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}
