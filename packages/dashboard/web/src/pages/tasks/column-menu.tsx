import { useEffect, useId, useRef, useState } from "react";
import { Button } from "../../components/button.tsx";
import { useStore } from "../../store.ts";
import { useWords } from "../../words/index.ts";
import { COLUMNS, columnsOf, type ListName, resetColumns, toggleColumn } from "./task-columns.ts";

/** Which columns a list shows. */
export function ColumnMenu({ list }: { list: ListName }) {
  const { tasks: said } = useWords();
  const chosen = useStore(columnsOf(list));
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return undefined;
    const leave = (event: Event) => {
      if (!(event.target instanceof Node && place.current?.contains(event.target))) setOpen(false);
    };
    document.addEventListener("pointerdown", leave);
    return () => document.removeEventListener("pointerdown", leave);
  }, [isOpen]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc closes what the button has opened
    <div
      className="popup-place"
      ref={place}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.stopPropagation();
        setOpen(false);
        place.current?.querySelector("button")?.focus();
      }}
    >
      <Button size="small" icon="columns" pressed={isOpen} onClick={() => setOpen(!isOpen)}>
        {said.columnCount(chosen.length, COLUMNS.length)}
      </Button>
      {isOpen && (
        <fieldset className="menu popup" aria-label={said.columnsOf}>
          <ul>
            {COLUMNS.map((name) => (
              <li key={name}>
                <input
                  type="checkbox"
                  className="check"
                  id={`${id}-${name}`}
                  checked={chosen.includes(name)}
                  disabled={name === "task"}
                  onChange={() => toggleColumn(list, name)}
                />
                <label htmlFor={`${id}-${name}`}>{said.columns[name]}</label>
              </li>
            ))}
          </ul>
          <Button size="small" look="quiet" onClick={() => resetColumns(list)}>
            {said.resetColumns}
          </Button>
        </fieldset>
      )}
    </div>
  );
}
