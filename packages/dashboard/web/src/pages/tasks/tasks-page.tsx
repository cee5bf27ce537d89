import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { HostView } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Command, Empty, PageHead } from "../../components/page.tsx";
import { count } from "../../format/numbers.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { SubmitDialog } from "./submit-dialog.tsx";
import { problemsOf } from "./task-filters.ts";
import { TaskListView } from "./task-list-view.tsx";

const TABS = [undefined, "active", "waiting", "blocked", "delayed", "failed", "cancelled", "completed"] as const;

export function TasksPage() {
  const { tasks: said } = useWords();
  const search = useSearch({ from: "/tasks" });
  const navigate = useNavigate();
  const [isSubmitting, setSubmitting] = useState(false);
  const mayNot = useMay("submit");
  return (
    <>
      <PageHead
        title={said.title}
        tab={said.title}
        actions={
          <Button icon="add" disabled={mayNot} onClick={() => setSubmitting(true)}>
            {said.submit}
          </Button>
        }
      />
      <Tabs />
      <TaskListView
        name="tasks"
        caption={said.title}
        search={search}
        onSearch={(next) => void navigate({ to: "/tasks", search: next })}
        deeds={["retry", "promote", "change", "cancel", "remove"]}
        empty={<NoTask onSubmit={() => setSubmitting(true)} mayNot={mayNot} />}
      />
      {isSubmitting && <SubmitDialog onClose={() => setSubmitting(false)} />}
    </>
  );
}

/** States with their counts, of the pool that is chosen. */
function Tabs() {
  const { tasks: said, states } = useWords();
  const search = useSearch({ from: "/tasks" });
  const { state } = search;
  // One that cannot be the name of a pool is told below.
  const pool = problemsOf(search, said.problems).some(({ filter }) => filter === "pool") ? undefined : search.pool;
  const topics = [pool === undefined ? "pools" : `pools/${pool}`];
  const counts = useQuery({
    ...reading<{ values: { value: string; count: number }[] }>("/facets", { topics, query: { field: "state", pool } }),
    placeholderData: (before) => before,
  });
  const values = counts.data?.values ?? [];
  const countOf = (name: string | undefined): number | undefined =>
    name === undefined
      ? values.filter(({ value }) => value !== "blocked").reduce((sum, one) => sum + one.count, 0)
      : values.find(({ value }) => value === name)?.count;
  return (
    <nav className="tabs" aria-label={said.byState}>
      {TABS.map((name) => {
        const { state: _, sort: __, ...rest } = search;
        const many = counts.data === undefined ? undefined : countOf(name);
        return (
          <Link
            key={name ?? "all"}
            to="/tasks"
            search={name === undefined ? rest : { ...rest, state: name }}
            activeOptions={{ exact: true }}
            activeProps={{ "aria-current": undefined }}
            aria-current={state === name ? "page" : undefined}
          >
            {name === undefined ? said.everything : states[name]}{" "}
            <span className="n">{many === undefined ? "\u00a0" : count(many)}</span>
          </Link>
        );
      })}
    </nav>
  );
}

function NoTask({ onSubmit, mayNot }: { onSubmit: () => void; mayNot: string | undefined }) {
  const { tasks: said } = useWords();
  const hosts = useQuery(reading<{ hosts: HostView[] }>("/hosts", { topics: ["hosts"] }));
  const live = hosts.data?.hosts ?? [];
  const names = [...new Set(live.flatMap(({ tasks }) => tasks))];
  const [name = "square"] = names;
  if (hosts.data !== undefined && live.length === 0) {
    return (
      <Empty title={said.noHost}>
        <p>{said.noHostHint}</p>
        <Command text="manyhands worker --tasks tasks.ts" />
      </Empty>
    );
  }
  return (
    <Empty title={said.hostsWait(count(live.length), live.length)}>
      <p>{said.theyKnow(count(names.length), names.length)}</p>
      <Command text={`manyhands submit ${name} 7 --wait`} />
      <div className="row">
        <Button look="primary" disabled={mayNot} onClick={onSubmit}>
          {said.submit}
        </Button>
      </div>
    </Empty>
  );
}
