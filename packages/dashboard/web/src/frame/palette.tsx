import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { useEffect, useRef, useState } from "react";
import type { HostView, ScheduleView, WorkflowRow } from "../../../src/api/types.ts";
import { allPools } from "../api/all-pools.ts";
import { reading } from "../api/queries.ts";
import { Icon } from "../components/icon.tsx";
import { pageWith } from "../pages/schedules/schedule-search.ts";
import { useWords } from "../words/index.ts";
import { PAGES } from "./pages.ts";

/** Schedules and workflows that are searched, and how many of each are offered. */
const SEARCHED = 1_000;
const OFFERED = 20;

/** Search and commands by name: pages, pools, hosts, schedules, workflows, and tasks that contain a text. */
export function Palette({ onClose }: { onClose: () => void }) {
  const { frame } = useWords();
  const ref = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const navigate = useNavigate();
  const pools = useQuery(allPools);
  const hosts = useQuery(reading<{ hosts: HostView[] }>("/hosts", { topics: ["hosts"] }));
  const { schedules, workflows } = useFound(text);
  useEffect(() => {
    const opener = document.activeElement;
    ref.current?.showModal();
    // The dialog gives the focus to the list, which takes no letters.
    ref.current?.querySelector("input")?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const go = (open: () => Promise<void>) => {
    onClose();
    void open();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc does what a press beside the dialog does
    <dialog
      ref={ref}
      className="palette"
      aria-label={frame.commands}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <Command label={frame.commands}>
        <div className="find">
          <Icon name="search" />
          <Command.Input value={text} onValueChange={setText} placeholder={frame.typeCommand} autoFocus />
          <kbd>Esc</kbd>
        </div>
        <Command.List className="menu">
          <Command.Empty>{frame.noMatch}</Command.Empty>
          <Command.Group heading={frame.goTo}>
            {PAGES.map((page) => (
              <Command.Item
                key={page.to}
                value={`page ${frame[page.name]}`}
                onSelect={() => go(() => navigate({ to: page.to }))}
              >
                <Icon name={page.icon} />
                <span>{frame[page.name]}</span>
                {"key" in page && (
                  <span className="push">
                    <kbd>g</kbd> <kbd>{page.key}</kbd>
                  </span>
                )}
              </Command.Item>
            ))}
            {text !== "" &&
              pools.data?.pools.map(({ name }) => (
                <Command.Item
                  key={`pool ${name}`}
                  value={`pool ${name}`}
                  onSelect={() => go(() => navigate({ to: "/pools/$name", params: { name } }))}
                >
                  <Icon name="pools" />
                  <span>{name}</span>
                  <span className="push">{frame.pools}</span>
                </Command.Item>
              ))}
            {text !== "" &&
              hosts.data?.hosts.map(({ id, name }) => (
                <Command.Item
                  key={`host ${id}`}
                  value={`host ${name} ${id}`}
                  onSelect={() => go(() => navigate({ to: "/hosts/$id", params: { id } }))}
                >
                  <Icon name="hosts" />
                  <span>{name}</span>
                  <span className="push">{frame.hosts}</span>
                </Command.Item>
              ))}
            {schedules.map(({ name, place }) => (
              <Command.Item
                key={`schedule ${name}`}
                value={`schedule ${name}`}
                onSelect={() => go(() => navigate({ to: "/schedules", search: pageWith(name, place) }))}
              >
                <Icon name="schedules" />
                <span>{name}</span>
                <span className="push">{frame.schedules}</span>
              </Command.Item>
            ))}
            {workflows.map(({ id, name }) => (
              <Command.Item
                key={`workflow ${id}`}
                value={`workflow ${id} ${name}`}
                onSelect={() => go(() => navigate({ to: "/workflows/$id", params: { id } }))}
              >
                <Icon name="workflows" />
                <span className="cut">
                  {id} <span className="soft">{name}</span>
                </span>
                <span className="push">{frame.workflows}</span>
              </Command.Item>
            ))}
          </Command.Group>
          {text !== "" && (
            <Command.Group heading={frame.search} forceMount>
              <Command.Item
                value={`search ${text}`}
                forceMount
                onSelect={() => go(() => navigate({ to: "/tasks", search: { text } }))}
              >
                <Icon name="search" />
                <span>{frame.searchFor(text)}</span>
              </Command.Item>
            </Command.Group>
          )}
        </Command.List>
      </Command>
      <footer>
        <span>
          <kbd>↑</kbd> <kbd>↓</kbd> {frame.choose}
        </span>
        <span>
          <kbd>Enter</kbd> {frame.run}
        </span>
        <span>
          <kbd>Esc</kbd> {frame.keyNames.close}
        </span>
      </footer>
    </dialog>
  );
}

/** Schedules whose name has the text, and workflows whose id or tasks have it. */
function useFound(text: string): { schedules: { name: string; place: number }[]; workflows: WorkflowRow[] } {
  const query = { limit: SEARCHED };
  const enabled = text !== "";
  const schedules = useQuery({
    ...reading<{ schedules: ScheduleView[] }>("/schedules", { topics: [], query }),
    enabled,
  });
  const workflows = useQuery({
    ...reading<{ workflows: WorkflowRow[] }>("/workflows", { topics: [], query }),
    enabled,
  });
  if (!enabled) return { schedules: [], workflows: [] };
  const wanted = text.toLowerCase();
  const has = (...words: string[]): boolean => words.some((word) => word.toLowerCase().includes(wanted));
  return {
    schedules: (schedules.data?.schedules ?? [])
      .map(({ name }, place) => ({ name, place }))
      .filter(({ name }) => has(name))
      .slice(0, OFFERED),
    workflows: (workflows.data?.workflows ?? []).filter(({ id, name }) => has(id, name)).slice(0, OFFERED),
  };
}
