import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useRowKeys } from "./row-keys.ts";

export interface Column<Row> {
  key: string;
  head: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Numbers stand right. */
  isNumber?: boolean;
  /** Goes first when it gets narrow. */
  isMinor?: boolean;
  /** Said before the value on a phone, where a row is a card; absent: the cell speaks for itself. */
  label?: string;
  /** On a phone the cell has the whole width. */
  isFull?: boolean;
  className?: string;
  /** How the table is sorted by this column; absent: it is sorted by another one, or cannot be by this. */
  sorted?: "ascending" | "descending" | undefined;
  /** Sorts by this column, or turns the order. */
  onSort?: () => void;
}

export interface TableProps<Row> {
  /** What the table shows, for readers of the screen. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** "cards": each row is a card on a phone; "rows": a long list with a line of its own for its parts. */
  onPhone?: "cards" | "cards four" | "rows";
  isSelected?: (row: Row) => boolean;
  /** What Enter opens. Given, the keys of the page go from row to row of this table: one of a page has it. */
  onOpen?: (row: Row) => void;
  /** Key of the row that the keys are at when it is given. */
  at?: string | undefined;
}

/** Above this many rows only those are drawn that can be seen. */
const VIRTUAL_FROM = 100;

/** A table. The first column names the row. */
export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, onPhone = "cards", onOpen } = props;
  // By its key: rows come and go while the table is looked at.
  const [at, setAt] = useState<string | null>(null);
  const active = at === null ? -1 : rows.findIndex((row) => props.rowKey(row) === at);
  const onActive = (index: number): void => {
    const row = rows[index];
    if (row !== undefined) setAt(props.rowKey(row));
  };
  useRowKeys({
    size: onOpen === undefined ? 0 : rows.length,
    ...{ active, onActive },
    onOpen: (index) => {
      const row = rows[index];
      if (row !== undefined) onOpen?.(row);
    },
  });
  useEffect(() => {
    if (props.at !== undefined) setAt(props.at);
  }, [props.at]);
  const body = useRef<HTMLTableSectionElement>(null);
  useEffect(() => {
    if (active >= 0) body.current?.querySelector(`tr[data-index="${active}"]`)?.scrollIntoView({ block: "nearest" });
  }, [active]);
  const keyed = { active, onActive: onOpen === undefined ? undefined : onActive };
  return (
    <table className={`t ${onPhone}`} aria-rowcount={rows.length + 1}>
      <caption className="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.key} scope="col" className={classesOf(column)} aria-sort={column.sorted}>
              {column.onSort ? (
                <button type="button" onClick={column.onSort}>
                  {column.head}
                </button>
              ) : (
                column.head
              )}
            </th>
          ))}
        </tr>
      </thead>
      {rows.length < VIRTUAL_FROM ? (
        <tbody ref={body}>
          {rows.map((row, index) => (
            <TableRow
              key={props.rowKey(row)}
              {...{ row, index, columns }}
              isActive={index === active}
              onActive={keyed.onActive}
              isChosen={props.isSelected?.(row) ?? false}
            />
          ))}
        </tbody>
      ) : (
        <VirtualBody {...props} {...keyed} />
      )}
    </table>
  );
}

interface Keyed {
  active: number;
  /** Absent: the keys do not go through this table. */
  onActive: ((index: number) => void) | undefined;
}

function VirtualBody<Row>(props: TableProps<Row> & Keyed) {
  const { rows, columns, active, onActive } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    setTop((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 38,
    overscan: 20,
    scrollMargin: top,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : props.rowKey(row);
    },
  });
  useEffect(() => {
    if (active >= 0) virtual.scrollToIndex(active, { align: "auto" });
  }, [active, virtual]);
  const items = virtual.getVirtualItems();
  const before = (items[0]?.start ?? top) - top;
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? top) - top);
  return (
    <tbody ref={body}>
      {before > 0 && <Space height={before} columns={columns.length} />}
      {items.map(({ index, key }) => {
        const row = rows[index];
        if (row === undefined) return null;
        const isChosen = props.isSelected?.(row) ?? false;
        return (
          <TableRow
            key={String(key)}
            {...{ row, index, columns, isChosen, onActive }}
            isActive={index === active}
            measure={virtual.measureElement}
          />
        );
      })}
      {after > 0 && <Space height={after} columns={columns.length} />}
    </tbody>
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  return (
    <tr className="space">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

interface TableRowProps<Row> extends Pick<TableProps<Row>, "columns"> {
  row: Row;
  index: number;
  isChosen: boolean;
  isActive: boolean;
  onActive: Keyed["onActive"];
  measure?: (element: Element | null) => void;
}

function DrawnRow<Row>({ row, index, columns, isChosen, isActive, onActive, measure }: TableRowProps<Row>) {
  return (
    <tr
      ref={measure}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isChosen || undefined}
      className={isActive ? "active-row" : undefined}
      onClick={onActive && (() => onActive(index))}
    >
      {columns.map((column, place) =>
        place === 0 ? (
          <th key={column.key} scope="row" className={classesOf(column)}>
            {column.cell(row)}
          </th>
        ) : (
          <td key={column.key} className={classesOf(column)} data-label={column.label}>
            {column.cell(row)}
          </td>
        ),
      )}
    </tr>
  );
}

/** Drawn again only when it has changed: a long list is drawn with each step of scrolling. */
const TableRow = memo(DrawnRow) as typeof DrawnRow;

function classesOf<Row>({ isNumber, isMinor, isFull, className }: Column<Row>): string | undefined {
  const names = [isNumber && "num", isMinor && "minor", isFull && "full", className].filter(Boolean);
  return names.length === 0 ? undefined : names.join(" ");
}
