import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useDeferredValue, useId, useRef, useState } from "react";
import type { WorkflowRow } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Icon } from "../../components/icon.tsx";
import { count } from "../../format/numbers.ts";
import type { TaskSearch } from "../../router.tsx";
import { useWords, type Words } from "../../words/index.ts";
import { FILTERS, type Filter, STATES, statesOf, timeOf } from "./task-filters.ts";

/** What a line of the completion does. */
interface Suggestion {
  key: string;
  /** A field to go on with, or a whole filter. */
  filter: Filter;
  value: string | null;
  label: string;
  count: number | null;
}

interface Facets {
  values: { value: string; count: number }[];
  isPartial: boolean;
}

const COUNTED: readonly Filter[] = ["pool", "task", "tag", "host"];
const TIMES = ["15min", "1h", "24h", "7d", "30d"];

/** The filters of a list as chips, and a field that completes them with counts. */
export function QueryBar(props: {
  search: TaskSearch;
  onChange: (search: TaskSearch) => void;
  /** Filters that the page itself sets. */
  fixed?: readonly Filter[];
  inputRef: React.RefObject<HTMLInputElement | null>;
}) {
  const { search, onChange, fixed = [], inputRef } = props;
  const { tasks: said } = useWords();
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const list = useId();
  const chips = useRef<HTMLSpanElement>(null);
  const offered = FILTERS.filter((filter) => !fixed.includes(filter));
  const shown = FILTERS.filter((filter) => search[filter] !== undefined && !fixed.includes(filter));
  const { suggestions, of: completed } = useSuggestions({ text, isOpen, offered, pool: search.pool });
  const current = Math.min(at, suggestions.length - 1);

  const set = (filter: Filter, value: string) => {
    onChange({ ...search, [filter]: value });
    setText("");
    setAt(0);
  };
  const drop = (filter: Filter) => {
    const { [filter]: _, ...rest } = search;
    onChange(rest);
    inputRef.current?.focus();
  };
  const take = ({ filter, value }: Suggestion) => {
    setAt(0);
    if (value === null) setText(`${filter}:`);
    else {
      set(filter, value);
      setOpen(false);
    }
  };
  const submit = () => {
    const { filter, value } = partsOf(text, offered);
    // Typed faster than it was completed: what is offered is for an earlier text.
    const chosen = completed === text ? suggestions[current] : undefined;
    if (chosen && isOpen) take(chosen);
    else if (filter !== null && value !== "") set(filter, value);
    else if (text.trim() !== "") set("text", text.trim());
  };
  const onKey = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) setOpen(true);
      else setAt(wrap(current + (event.key === "ArrowDown" ? 1 : -1), suggestions.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") {
      if (isOpen) setOpen(false);
      else inputRef.current?.blur();
      event.stopPropagation();
    } else if (event.key === "Tab" && isOpen && text !== "" && suggestions[current]?.value === null) {
      event.preventDefault();
      take(suggestions[current]);
    } else if (text === "" && (event.key === "Backspace" || event.key === "ArrowLeft")) {
      const last = shown.at(-1);
      if (event.key === "Backspace" && last) drop(last);
      else chips.current?.querySelector<HTMLButtonElement>(".chip:last-child button")?.focus();
    }
  };
  return (
    <search
      className="query"
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <Icon name="search" />
      <span className="chips" ref={chips}>
        {shown.map((filter) => (
          <Chip
            key={filter}
            filter={filter}
            value={search[filter] ?? ""}
            onDrop={() => drop(filter)}
            onEdit={() => {
              setText(`${filter}:${search[filter] ?? ""}`);
              inputRef.current?.focus();
            }}
          />
        ))}
      </span>
      <input
        ref={inputRef}
        role="combobox"
        aria-label={said.filter}
        aria-expanded={isOpen && suggestions.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && suggestions.length > 0 ? `${list}-${current}` : undefined}
        autoComplete="off"
        spellCheck={false}
        maxLength={1_100}
        placeholder={shown.length === 0 ? said.filterHint : said.filterMore}
        value={text}
        onFocus={() => setOpen(true)}
        onClick={() => setOpen(true)}
        onChange={(event) => {
          setText(event.target.value);
          setOpen(true);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the list of a combobox */}
      <ul className="menu completion" id={list} role="listbox" aria-label={said.completions} hidden={!isOpen}>
        {suggestions.map((suggestion, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, which names the option
          <li
            key={suggestion.key}
            id={`${list}-${index}`}
            // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: an option of a combobox
            role="option"
            aria-selected={index === current}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(suggestion)}
          >
            <Label suggestion={suggestion} said={said} />
            <span className="push">{suggestion.count === null ? "" : count(suggestion.count)}</span>
          </li>
        ))}
        {suggestions.length === 0 && <li className="h">{said.noCompletion}</li>}
      </ul>
    </search>
  );
}

function Label({ suggestion, said }: { suggestion: Suggestion; said: Words["tasks"] }) {
  const { filter, value, label } = suggestion;
  if (value === null) {
    return (
      <span>
        <b>{said.filters[filter]}</b> <span className="soft">{said.filterHints[filter]}</span>
      </span>
    );
  }
  return (
    <span className="cut">
      <span className="soft">{said.is[filter]}</span> <b dir="auto">{label}</b>
    </span>
  );
}

function Chip(props: { filter: Filter; value: string; onDrop: () => void; onEdit: () => void }) {
  const { filter, value, onDrop, onEdit } = props;
  const { tasks: said, states } = useWords();
  const shown =
    filter === "state" ? said.anyOf(statesOf(value).map((one) => stateWord(states, one))) : said.valueOf(filter, value);
  return (
    <span className="chip">
      <span>{said.is[filter]}</span>
      <button type="button" className="chip-value" title={said.edit} onClick={onEdit} dir="auto">
        <bdi>{shown}</bdi>
      </button>
      <button
        type="button"
        aria-label={said.drop(said.is[filter], shown)}
        onClick={onDrop}
        onKeyDown={(event) => moveAmongChips(event, onDrop)}
      >
        <Icon name="close" />
      </button>
    </span>
  );
}

function stateWord(states: Words["states"], state: string): string {
  return Object.hasOwn(states, state) ? states[state as keyof typeof states] : state;
}

function moveAmongChips(event: KeyboardEvent<HTMLButtonElement>, onDrop: () => void): void {
  const chip = event.currentTarget.closest(".chip");
  const button = (element: Element | null | undefined) =>
    element?.querySelector<HTMLButtonElement>("button:last-child");
  if (event.key === "Backspace" || event.key === "Delete") onDrop();
  else if (event.key === "ArrowLeft") button(chip?.previousElementSibling)?.focus();
  else if (event.key === "ArrowRight") {
    const next = button(chip?.nextElementSibling);
    if (next) next.focus();
    else chip?.parentElement?.parentElement?.querySelector("input")?.focus();
  } else return;
  event.preventDefault();
}

/** `field:value` apart; without a known field all of it is a value. */
function partsOf(text: string, offered: readonly Filter[]): { filter: Filter | null; value: string } {
  const [, name, value = ""] = /^\s*([a-z]+)\s*[:=]\s*(.*)$/s.exec(text) ?? [];
  const filter = offered.find((one) => one === name);
  return filter === undefined ? { filter: null, value: text.trim() } : { filter, value: value.trim() };
}

function useSuggestions(props: {
  text: string;
  isOpen: boolean;
  offered: readonly Filter[];
  pool: string | undefined;
}): { suggestions: Suggestion[]; of: string } {
  const { isOpen, offered, pool } = props;
  const { tasks: said, states } = useWords();
  const text = useDeferredValue(props.text);
  const { filter, value } = partsOf(text, offered);
  const asked = (field: Filter): boolean =>
    isOpen && offered.includes(field) && (filter === field || (filter === null && value !== ""));
  const facets = {
    pool: useFacets("pool", { text: value, isAsked: asked("pool") }),
    state: useFacets("state", { text: "", isAsked: asked("state"), pool }),
    task: useFacets("task", { text: value, isAsked: asked("task") }),
    tag: useFacets("tag", { text: value, isAsked: asked("tag") }),
    host: useFacets("host", { text: value, isAsked: asked("host") }),
  };
  const workflows = useWorkflowIds({ text: value, isAsked: filter === "workflow" && asked("workflow") });
  const valuesOf = (field: Filter, most: number): Suggestion[] => {
    if (field === "state") {
      // Behind a comma the next of several is completed.
      const typed = statesOf(value);
      const part = typed.pop() ?? "";
      const before = typed.filter((one) => (STATES as readonly string[]).includes(one));
      const fits = STATES.filter((state) => !before.includes(state)).filter(
        (state) => state.includes(part) || states[state].includes(part),
      );
      return fits.map((state) => ({
        ...{ key: `state ${state}`, filter: field, value: [...before, state].join(",") },
        label: said.anyOf([...before, state].map((one) => stateWord(states, one))),
        count: facets.state?.values.find((one) => one.value === state)?.count ?? null,
      }));
    }
    if (field === "since" || field === "until") {
      const given = value !== "" && timeOf(value, Date.now()) !== null ? [value] : [];
      const times = [...given, ...TIMES.filter((time) => time !== value && time.startsWith(value))];
      return times.map((time) => {
        return { key: `${field} ${time}`, filter: field, value: time, label: said.valueOf(field, time), count: null };
      });
    }
    if (field === "error" || field === "text") {
      return value === "" ? [] : [{ key: `${field} ${value}`, filter: field, value, label: value, count: null }];
    }
    if (field === "workflow") {
      const ids = value === "" || workflows.includes(value) ? workflows : [value, ...workflows];
      return ids.slice(0, most).map((id) => ({
        ...{ key: `${field} ${id}`, filter: field, value: id, label: id, count: null },
      }));
    }
    return (facets[field as "pool"]?.values ?? []).slice(0, most).map((one) => ({
      ...{ key: `${field} ${one.value}`, filter: field, value: one.value, label: one.value, count: one.count },
    }));
  };
  if (filter !== null) return { suggestions: valuesOf(filter, 12), of: text };
  const fields = offered
    .filter((field) => field.startsWith(value) || said.filters[field].toLowerCase().startsWith(value.toLowerCase()))
    .map((field): Suggestion => ({ key: field, filter: field, value: null, label: field, count: null }));
  if (value === "") return { suggestions: fields, of: text };
  const states_ = offered.includes("state") ? valuesOf("state", 4).slice(0, 4) : [];
  const found = COUNTED.filter((field) => offered.includes(field)).flatMap((field) => valuesOf(field, 4));
  const all = [...valuesOf("text", 1), ...fields, ...states_, ...found, ...valuesOf("error", 1)].slice(0, 14);
  return { suggestions: all, of: text };
}

/** Ids of the newest workflows that contain the text. */
function useWorkflowIds({ text, isAsked }: { text: string; isAsked: boolean }): string[] {
  const workflows = useQuery({
    ...reading<{ workflows: WorkflowRow[] }>("/workflows", { topics: [], query: { limit: 100 } }),
    enabled: isAsked,
    placeholderData: (before) => before,
  }).data?.workflows;
  return (workflows ?? []).map(({ id }) => id).filter((id) => id.includes(text));
}

function useFacets(
  field: Filter,
  { text, isAsked, pool }: { text: string; isAsked: boolean; pool?: string | undefined },
): Facets | undefined {
  return useQuery({
    ...reading<Facets>("/facets", { topics: [], query: { field, text, pool, limit: 12 } }),
    enabled: isAsked,
    placeholderData: (before) => before,
  }).data;
}

function wrap(place: number, size: number): number {
  return size === 0 ? 0 : (place + size) % size;
}
