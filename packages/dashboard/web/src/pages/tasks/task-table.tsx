import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { TaskRow } from "../../../../src/api/types.ts";
import { isStateName, State } from "../../components/state.tsx";
import { Ago, Duration, Lasting, Moment } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { useNow } from "../../live/clock.ts";
import { useWords, type Words } from "../../words/index.ts";
import type { ColumnName } from "./task-columns.ts";
import type { Order } from "./task-filters.ts";
import { placeOf, type TaskList } from "./use-task-list.ts";

export interface TaskTableProps {
  list: TaskList;
  caption: string;
  columns: readonly ColumnName[];
  /** How many match, where it is known. */
  total: number | null;
  isSelected: (task: TaskRow) => boolean;
  isAll: boolean;
  onSelect: (index: number, isRange: boolean) => void;
  onSelectLoaded: () => void;
  /** The row that the keys are at; -1 = none. */
  active: number;
  onActive: (index: number) => void;
  sort: Order;
  canSortByEnd: boolean;
  onSort: (sort: Order) => void;
}

interface Column {
  name: ColumnName;
  cell: (task: TaskRow, said: Words["tasks"]) => ReactNode;
  className?: string;
}

const CELLS: Readonly<Record<ColumnName, Omit<Column, "name">>> = {
  state: {
    cell: (task, said) => (
      <>
        <StateOf task={task} />
        <small className="only-phone">{whyOf(task, said)}</small>
      </>
    ),
    className: "c-state",
  },
  task: {
    cell: (task) => (
      <Link to="/tasks/$id" params={{ id: task.id }} search={{ pool: task.pool }} className="cut" title={task.name}>
        <bdi>{task.name === "" ? "—" : task.name}</bdi>
      </Link>
    ),
  },
  id: {
    cell: (task) => (
      <Link to="/tasks/$id" params={{ id: task.id }} search={{ pool: task.pool }} className="soft cut" title={task.id}>
        <bdi>{task.id}</bdi>
      </Link>
    ),
    className: "mono minor c-id",
  },
  args: {
    cell: ({ args }, said) => (
      <span className="cut" title={args ?? undefined}>
        {args == null ? <span className="soft">{said.longArgs}</span> : <bdi>{args}</bdi>}
      </span>
    ),
    className: "mono c-args",
  },
  why: { cell: (task, said) => whyOf(task, said), className: "minor c-why" },
  age: { cell: (task) => <AgeOf task={task} />, className: "num c-wait nowrap" },
  took: { cell: (task) => <TookOf task={task} />, className: "num minor nowrap" },
  tries: { cell: (task, said) => triesOf(task, said), className: "num minor nowrap" },
  tags: {
    cell: ({ tags }) => (
      <span className="tags">
        {tags.slice(0, 3).map((tag) => (
          <span className="tag" key={tag}>
            <bdi>{tag}</bdi>
          </span>
        ))}
        {tags.length > 3 && <span className="soft">+{tags.length - 3}</span>}
      </span>
    ),
    className: "minor c-tags",
  },
  host: {
    cell: ({ host }) => (host === null ? <span className="zero">—</span> : <bdi className="cut">{host}</bdi>),
    className: "minor c-host",
  },
  pool: {
    cell: ({ pool }) => (
      <Link to="/pools/$name" params={{ name: pool }} className="soft cut" title={pool}>
        <bdi>{pool}</bdi>
      </Link>
    ),
    className: "minor c-pool",
  },
  priority: { cell: ({ priority }) => priority ?? <span className="zero">—</span>, className: "num minor" },
  submitted: { cell: ({ createdAt }) => <Moment at={createdAt} />, className: "num minor nowrap" },
  started: { cell: ({ startedAt }) => momentOr(startedAt), className: "num minor nowrap" },
  finished: { cell: ({ finishedAt }) => momentOr(finishedAt), className: "num c-wait nowrap" },
  error: {
    cell: ({ failedReason }) =>
      failedReason === null ? (
        <span className="zero">—</span>
      ) : (
        <span className="cut" title={failedReason.slice(0, 1_000)}>
          <bdi>{failedReason.slice(0, 300)}</bdi>
        </span>
      ),
    className: "c-args c-error",
  },
};

/** Columns by which the API sorts, and how. */
const SORTED: Partial<Record<ColumnName, { down: Order; up: Order | null }>> = {
  age: { down: "newest", up: "oldest" },
  submitted: { down: "newest", up: "oldest" },
  finished: { down: "finished", up: null },
};

/** Tasks, of which only those are drawn that can be seen. */
export function TaskTable(props: TaskTableProps) {
  const { list, caption, columns, total, isAll, isSelected } = props;
  const { tasks: said } = useWords();
  const shown = useMemo(() => columns.map((name): Column => ({ name, ...CELLS[name] })), [columns]);
  const chosen = list.rows.filter(isSelected).length;
  return (
    <table className="t cards rows tasks" aria-rowcount={(total ?? list.size) + 1}>
      <caption className="hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col" className="c-check">
            <Check
              label={said.selectLoaded(count(list.rows.length))}
              isChecked={isAll || (chosen > 0 && chosen === list.rows.length)}
              isPartly={chosen > 0 && chosen < list.rows.length}
              onChange={props.onSelectLoaded}
            />
          </th>
          {shown.map((column) => (
            <Head key={column.name} column={column} {...props} />
          ))}
        </tr>
      </thead>
      <Body {...props} shown={shown} />
    </table>
  );
}

function Head({ column, sort, onSort, canSortByEnd }: TaskTableProps & { column: Column }) {
  const { tasks: said } = useWords();
  const order = SORTED[column.name];
  const isOffered = order !== undefined && (order.down !== "finished" || canSortByEnd);
  const direction = !isOffered
    ? undefined
    : sort === order.down
      ? ("descending" as const)
      : sort === order.up
        ? ("ascending" as const)
        : undefined;
  return (
    <th scope="col" className={column.className} aria-sort={direction}>
      {isOffered ? (
        <button
          type="button"
          title={said.sortBy}
          onClick={() => onSort(sort === order.down && order.up !== null ? order.up : order.down)}
        >
          {said.columns[column.name]}
        </button>
      ) : (
        said.columns[column.name]
      )}
    </th>
  );
}

function Body(props: TaskTableProps & { shown: readonly Column[] }) {
  const { list, shown, active } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, []);
  const virtual = useWindowVirtualizer({
    count: list.size,
    estimateSize: () => 38,
    overscan: 12,
    scrollMargin: top,
  });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  const { see } = list;
  useEffect(() => {
    if (list.size > 0) see(first, last);
  }, [first, last, list.size, see]);
  useEffect(() => {
    if (active >= 0) virtual.scrollToIndex(active, { align: "auto" });
  }, [active, virtual]);
  const before = (items[0]?.start ?? top) - top;
  const after = Math.max(0, virtual.getTotalSize() - ((items.at(-1)?.end ?? top) - top));
  return (
    <tbody ref={body}>
      {before > 0 && <Space height={before} columns={shown.length + 1} />}
      {items.map(({ index }) => {
        const task = list.rowAt(index);
        const { isAll, isSelected, onActive, onSelect } = props;
        return (
          <Row
            key={task ? placeOf(task) : `row ${index}`}
            {...{ index, task, shown, onActive, onSelect }}
            measure={virtual.measureElement}
            isActive={index === active}
            isChosen={task !== undefined && (isAll || isSelected(task))}
            hasLeft={task !== undefined && list.left.has(placeOf(task))}
          />
        );
      })}
      {after > 0 && <Space height={after} columns={shown.length + 1} />}
    </tbody>
  );
}

interface RowProps extends Pick<TaskTableProps, "onActive" | "onSelect"> {
  index: number;
  task: TaskRow | undefined;
  shown: readonly Column[];
  isActive: boolean;
  isChosen: boolean;
  hasLeft: boolean;
  measure: (element: Element | null) => void;
}

/** Drawn again only when it has changed: the list is drawn with each step of scrolling. */
const Row = memo(({ index, task, shown, isActive, isChosen, hasLeft, measure, onActive, onSelect }: RowProps) => {
  const { tasks: said } = useWords();
  if (!task) {
    return (
      <tr ref={measure} data-index={index} aria-rowindex={index + 2}>
        <td colSpan={shown.length + 1}>
          <span className="skeleton" />
        </td>
      </tr>
    );
  }
  const classes = [isActive && "active-row", hasLeft && "has-left"].filter(Boolean).join(" ");
  return (
    <tr
      ref={measure}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isChosen || undefined}
      className={classes === "" ? undefined : classes}
      title={hasLeft ? said.hasLeft : undefined}
      onClick={(event) => {
        onActive(index);
        if (event.shiftKey) onSelect(index, true);
      }}
    >
      <td className="c-check">
        <Check
          label={said.select(task.name, task.id)}
          isChecked={isChosen}
          onChange={(isRange) => onSelect(index, isRange)}
        />
      </td>
      {shown.map(({ name, cell, className }) =>
        name === "task" ? (
          <th scope="row" key={name}>
            {cell(task, said)}
          </th>
        ) : (
          <td key={name} className={className}>
            {cell(task, said)}
          </td>
        ),
      )}
    </tr>
  );
});

function Check(props: { label: string; isChecked: boolean; isPartly?: boolean; onChange: (isRange: boolean) => void }) {
  const { label, isChecked, isPartly = false, onChange } = props;
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (ref.current) ref.current.indeterminate = isPartly;
  }, [isPartly]);
  return (
    <input
      ref={ref}
      type="checkbox"
      className="check"
      aria-label={label}
      checked={isChecked}
      onChange={() => {}}
      onClick={(event) => {
        event.stopPropagation();
        onChange(event.shiftKey);
      }}
    />
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  return (
    <tr className="space">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

export function StateOf({ task }: { task: Pick<TaskRow, "state" | "attemptsMade"> }) {
  const name = task.state === "delayed" && task.attemptsMade > 0 ? "backoff" : task.state;
  return <State name={isStateName(name) ? name : "unknown"} />;
}

const STARTED: ReadonlySet<string> = new Set(["active", "completed", "failed", "cancelled"]);

/** When it may start; what is due waits for a host that has room. */
function Due({ at, words }: { at: number; words: string }) {
  const { tasks: said } = useWords();
  return (
    <>
      {at > useNow() ? words : said.due} <Ago at={at} />
    </>
  );
}

/** Why it does not run yet, or how it ended, in a few words. */
export function whyOf(task: TaskRow, said: Words["tasks"]): ReactNode {
  const { state, why, dueAt, attemptsMade, failedReason } = task;
  // It may have begun since the reason was read.
  const reason = STARTED.has(state) ? null : why;
  if (reason === "limited" && dueAt != null) {
    return (
      <>
        {said.why.limited}, {said.next} <Ago at={dueAt} />
      </>
    );
  }
  if (reason != null) return said.why[reason];
  if (state === "delayed" && dueAt != null) {
    return <Due at={dueAt} words={attemptsMade > 0 ? said.nextTry : said.due} />;
  }
  if ((state === "failed" || state === "cancelled") && failedReason !== null) {
    return (
      <span className="cut" title={failedReason.slice(0, 1_000)}>
        <bdi>{failedReason.slice(0, 200)}</bdi>
      </span>
    );
  }
  return null;
}

/** How long it waits, or since when it is over. */
function AgeOf({ task }: { task: TaskRow }) {
  return task.finishedAt === null ? <Lasting since={task.createdAt} /> : <Ago at={task.finishedAt} />;
}

function TookOf({ task }: { task: TaskRow }) {
  const { startedAt, finishedAt, state } = task;
  if (startedAt === null) return <span className="zero">—</span>;
  if (state === "active") return <Lasting since={startedAt} />;
  return finishedAt === null ? <span className="zero">—</span> : <Duration ms={Math.max(0, finishedAt - startedAt)} />;
}

function triesOf({ attemptsMade, attempts }: TaskRow, said: Words["tasks"]): string {
  return attempts === undefined ? count(attemptsMade) : said.ofTries(count(attemptsMade), count(attempts));
}

function momentOr(at: number | null): ReactNode {
  return at === null ? <span className="zero">—</span> : <Moment at={at} />;
}
