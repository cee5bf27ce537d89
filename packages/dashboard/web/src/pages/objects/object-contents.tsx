import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { ObjectContents, ObjectView } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Reading } from "../../components/page.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago } from "../../components/time.tsx";
import { ValueTree } from "../../components/value-tree.tsx";
import { bytes, count } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import { useWords } from "../../words/index.ts";

type Entry = ObjectContents["entries"][number];

const KEYED = new Set(["dict", "namespace"]);
const LISTED = new Set(["list", "array", "queue", "simple-queue", "joinable-queue", "pipe"]);
const SEARCHED = new Set(["dict", "namespace", "set"]);
const HOLDING = new Set([...KEYED, ...LISTED, "set", "value", "registered"]);
const PAGE = 50;

export function holdsContents(kind: string): boolean {
  return HOLDING.has(kind);
}

/** What an object holds, page after page. */
export function Contents({ object }: { object: ObjectView }) {
  const { objects: words } = useWords();
  const { kind } = object;
  const isQueue = /queue|pipe/.test(kind);
  const [search, setSearch] = useState("");
  const [from, setFrom] = useState(0);
  const [end, setEnd] = useState(0);
  const id = useId();
  return (
    <>
      <header className="part">
        <h3>{isQueue ? words.contentsQueue : words.contents}</h3>
        {isQueue && <small>{words.contentsHint}</small>}
        <span className="push row">
          {kind === "pipe" && (
            <fieldset className="seg" aria-label={words.contentsQueue}>
              {[0, 1].map((one) => (
                <button key={one} type="button" aria-pressed={end === one} onClick={() => setEnd(one)}>
                  {words.end(String(one + 1))}
                </button>
              ))}
            </fieldset>
          )}
          {SEARCHED.has(kind) && (
            <input
              className="input short"
              type="search"
              aria-label={kind === "set" ? words.searchItem : words.searchKey}
              placeholder={kind === "set" ? words.searchItem : words.searchKey}
              value={search}
              onChange={({ target }) => setSearch(target.value)}
            />
          )}
          {LISTED.has(kind) && kind !== "pipe" && (
            <>
              <label className="soft" htmlFor={id}>
                {words.fromIndex}
              </label>
              <input
                id={id}
                className="input number"
                inputMode="numeric"
                value={from}
                onChange={({ target }) => setFrom(Math.min(1e12, Number(target.value.replaceAll(/\D/g, "")) || 0))}
              />
            </>
          )}
        </span>
      </header>
      <Pages key={`${search} ${from} ${end}`} {...{ object, search, from, end }} />
    </>
  );
}

interface PageProps {
  object: ObjectView;
  search: string;
  from: number;
  end: number;
}

function Pages(props: PageProps) {
  const { objects: words } = useWords();
  const [cursors, setCursors] = useState<(string | undefined)[]>([undefined]);
  return (
    <div className="contents">
      {cursors.map((cursor, index) => (
        <Page
          key={cursor ?? ""}
          {...props}
          cursor={cursor}
          isFirst={index === 0}
          before={index * PAGE}
          onMore={index === cursors.length - 1 ? (next) => setCursors([...cursors, next]) : null}
        />
      ))}
      <span className="hidden" role="status">
        {cursors.length > 1 ? words.showMore("") : ""}
      </span>
    </div>
  );
}

function Page(
  props: PageProps & {
    cursor: string | undefined;
    isFirst: boolean;
    before: number;
    onMore: ((cursor: string) => void) | null;
  },
) {
  const { object, search, from, end, cursor, isFirst, onMore } = props;
  const { kind, name } = object;
  const query = {
    cursor,
    limit: PAGE,
    values: "typed",
    search: search === "" ? undefined : search,
    from: from === 0 || cursor !== undefined ? undefined : from,
    end: kind === "pipe" ? end : undefined,
  };
  const path = `${pathOf("objects", kind, name)}/contents`;
  // Pages behind the first one stay as they were read: what was added before would move them.
  const found = useQuery({
    ...reading<ObjectContents>(path, { topics: ["objects"], query, ...(isFirst && { every: 3_000 }) }),
  });
  return (
    <Reading of={found} rows={3}>
      {(contents) => <Entries {...{ contents, kind, isFirst, onMore, isSearch: search !== "" }} />}
    </Reading>
  );
}

function Entries(props: {
  contents: ObjectContents;
  kind: string;
  isFirst: boolean;
  isSearch: boolean;
  onMore: ((cursor: string) => void) | null;
}) {
  const { contents, kind, isFirst, isSearch, onMore } = props;
  const { objects: words } = useWords();
  const { entries, cursor, total, isPartial } = contents;
  const columns: Column<Entry>[] = [
    ...(KEYED.has(kind)
      ? [{ key: "key", head: words.key, className: "mono wrap", cell: ({ key }: Entry) => <Key value={key} /> }]
      : LISTED.has(kind)
        ? [{ key: "index", head: words.index, className: "mono", cell: ({ index }: Entry) => count(index ?? 0) }]
        : []),
    { key: "value", head: words.value, isFull: true, className: "wrap", cell: (entry) => <EntryValue entry={entry} /> },
    ...(entries.some(hasOptions)
      ? [
          {
            key: "options",
            head: words.itemOptions,
            className: "wrap",
            cell: (entry: Entry) => <Options entry={entry} />,
          },
        ]
      : []),
    { key: "bytes", head: words.bytes, isNumber: true, isMinor: true, cell: ({ bytes: size }) => bytes(size) },
  ];
  return (
    <>
      {entries.length === 0 && isFirst && (
        <p className="soft body">
          {isSearch && total > 0 && !isPartial ? words.contentsNone : isPartial ? "" : words.contentsEmpty}
        </p>
      )}
      {entries.length > 0 && (
        <Table
          caption={words.contents}
          columns={columns}
          rows={entries}
          rowKey={({ key, index, node }) => String(index ?? JSON.stringify(key ?? node))}
        />
      )}
      {(cursor !== undefined || entries.length > 0) && (
        <footer className="part row">
          <span className="soft">
            {isPartial ? words.searchedPart : isFirst ? words.ofTotal(count(entries.length), count(total)) : ""}
          </span>
          {cursor !== undefined && onMore && (
            <Button size="small" onClick={() => onMore(cursor)}>
              {isPartial ? words.searchOn : words.showMore(count(PAGE))}
            </Button>
          )}
        </footer>
      )}
    </>
  );
}

/** Whether an item of a queue was put with options. */
function hasOptions({ priority, unique, dueAt }: Entry): boolean {
  return priority !== undefined || unique !== undefined || dueAt !== undefined;
}

function Options({ entry: { priority, unique, dueAt } }: { entry: Entry }) {
  const { objects: words } = useWords();
  return (
    <span className="row">
      {priority !== undefined && <span>{words.itemPriority(count(priority))}</span>}
      {dueAt !== undefined && (
        <span className="nowrap">
          {words.itemDue} <Ago at={dueAt} />
        </span>
      )}
      {unique !== undefined && (
        <span>
          {words.itemUnique} <bdi className="mono">{visible(unique)}</bdi>
        </span>
      )}
    </span>
  );
}

function Key({ value }: { value: unknown }) {
  return <bdi>{visible(typeof value === "string" ? value : JSON.stringify(value))}</bdi>;
}

function EntryValue({ entry }: { entry: Entry }) {
  const { objects: words } = useWords();
  if (entry.fault === "large") return <span className="soft">{words.tooLarge(bytes(entry.bytes))}</span>;
  if (entry.fault === "unreadable") return <span className="bad">{words.damaged}</span>;
  return entry.node ? <ValueTree node={entry.node} short /> : null;
}
