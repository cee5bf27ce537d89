import { useState } from "react";
import type { ValueView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { count } from "../../format/numbers.ts";
import { useWords, type Words } from "../../words/index.ts";

/** Where a value of a task is. */
export interface ValuePlace {
  id: string;
  pool: string;
  part: "args" | "result" | "progress";
}

const SCALARS: ReadonlySet<string> = new Set([
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

/** A value with its types. What is large is folded, and read when it is unfolded. */
export function ValueTree({ node, place }: { node: ValueView; place: ValuePlace }) {
  return (
    <div className="tree">
      <Value node={node} place={place} path={[]} isRoot />
    </div>
  );
}

function Value(props: { node: ValueView; place: ValuePlace; path: readonly number[]; isRoot?: boolean }) {
  const { place, path, isRoot = false } = props;
  const { task: said } = useWords();
  const [node, setNode] = useState(props.node);
  const [known, setKnown] = useState(props.node);
  const [isOpen, setOpen] = useState(true);
  const [state, setState] = useState<"idle" | "reading" | string>("idle");
  if (known !== props.node) {
    // The task was read again: what was unfolded stays, where the value is the same.
    setKnown(props.node);
    if (JSON.stringify(known) !== JSON.stringify(props.node)) setNode(props.node);
  }
  const read = async (from: number): Promise<void> => {
    setState("reading");
    try {
      const query = { pool: place.pool, part: place.part, from, ...(path.length > 0 && { path: path.join(".") }) };
      const { node: more } = await call<{ node: ValueView }>(pathOf("tasks", place.id, "value"), { query });
      setNode(from === 0 ? more : { ...more, items: [...(node.items ?? []), ...(more.items ?? [])] });
      setOpen(true);
      setState("idle");
    } catch (error) {
      setState(error instanceof Error ? error.message : String(error));
    }
  };
  const { type, text, size, items, isFolded } = node;
  if (type === "hidden") return <span className="redacted">{said.hidden}</span>;
  if (type === "circular") return <span className="redacted">{said.circular}</span>;
  if (type === "hole") return <span className="redacted">{said.hole}</span>;
  if (items === undefined) {
    if (text === undefined && size !== undefined && size > 0) {
      return (
        <>
          <button type="button" aria-expanded={false} disabled={state === "reading"} onClick={() => void read(0)}>
            {said.folded(type, count(size))}
          </button>
          <Trouble state={state} />
        </>
      );
    }
    return (
      <>
        <Scalar node={node} said={said} />
        {isFolded && SCALARS.has(type) && (
          <>
            {" "}
            <button type="button" disabled={state === "reading"} onClick={() => void read(0)}>
              {said.allOfText(count(size ?? 0))}
            </button>
          </>
        )}
        <Trouble state={state} />
      </>
    );
  }
  const last = items.at(-1)?.place ?? -1;
  const more = (size ?? items.length) - (last + 1);
  return (
    <>
      {!isRoot && (
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {said.folded(type, count(size ?? items.length))}
        </button>
      )}
      {isOpen && (
        <ul>
          {items.map(({ place: at, key, node: inner }) => (
            <li key={at}>
              <Key of={key} isList={type === "Array"} />
              <Value node={inner} place={place} path={[...path, at]} />
            </li>
          ))}
          {more > 0 && (
            <li>
              <button type="button" disabled={state === "reading"} onClick={() => void read(last + 1)}>
                {said.moreParts(count(more))}
              </button>
              <Trouble state={state} />
            </li>
          )}
        </ul>
      )}
    </>
  );
}

function Key({ of, isList }: { of: string | ValueView | undefined; isList: boolean }) {
  const { task: said } = useWords();
  if (of === undefined) return null;
  if (typeof of === "string") {
    return (
      <>
        <span className={isList ? "key index" : "key"}>
          <bdi>{of}</bdi>
        </span>{" "}
      </>
    );
  }
  return (
    <>
      <span className="key">
        <Scalar node={of} said={said} /> →
      </span>{" "}
    </>
  );
}

function Scalar({ node, said }: { node: ValueView; said: Words["task"] }) {
  const { type, text, size } = node;
  if (type === "string") {
    return (
      <span className="str" dir="auto">
        “{text}
        {node.isFolded && "…"}”
      </span>
    );
  }
  const isBytes = size !== undefined && text !== undefined;
  const shown = text ?? (size === 0 ? (type === "Array" ? "[]" : type === "Object" ? "{}" : said.emptyOf) : type);
  return (
    <>
      <span className="lit">
        {shown}
        {isBytes && node.isFolded && " …"}
      </span>
      {!PLAIN.has(type) && <span className="type">{isBytes ? said.bytesOf(type, count(size)) : type}</span>}
    </>
  );
}

function Trouble({ state }: { state: string }) {
  return state === "idle" || state === "reading" ? null : (
    <span role="alert" className="bad">
      {" "}
      {state}
    </span>
  );
}
