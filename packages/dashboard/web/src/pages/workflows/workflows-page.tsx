import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { WorkflowRow } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { FindHere } from "../../components/find-here.tsx";
import { Command, Empty, PageHead, Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago } from "../../components/time.tsx";
import { useTyped } from "../../components/use-typed.ts";
import { count } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { every } from "../../live/every.ts";
import { useWords } from "../../words/index.ts";
import { WORKFLOW_STATES, type WorkflowSearch, workflowSearch } from "./workflow-search.ts";
import { Progress } from "./workflow-state.tsx";

/** Rows of a page, and most of them. */
const PAGE = 100;
const MOST = 1_000;

export function WorkflowsPage() {
  const { workflows: said, states } = useWords();
  const search: WorkflowSearch = useSearch({ from: "/workflows" });
  const { state, tag } = search;
  const navigate = useNavigate({ from: "/workflows" });
  const [limit, setLimit] = useState(PAGE);
  const change = (part: { [Name in keyof WorkflowSearch]: WorkflowSearch[Name] | undefined }): void =>
    void navigate({ search: workflowSearch({ ...search, ...part }), replace: true });
  const [typed, setTyped] = useTyped(tag ?? "", (next) => change({ tag: next }));
  const workflows = useQuery({
    ...reading<{ workflows: WorkflowRow[]; total: number; nextOffset: number | null }>("/workflows", {
      topics: ["workflows"],
      query: { state, tag, limit },
    }),
    ...every(2_000),
  });
  const shown = workflows.data?.workflows.length ?? 0;
  const leadOf = (state ?? tag) === undefined ? said.lead : said.leadMatching;
  return (
    <>
      <PageHead
        title={said.title}
        tab={said.title}
        lead={workflows.data ? leadOf(count(shown), count(workflows.data.total)) : "\u00a0"}
      />
      <div className="row">
        <Segments
          label={said.filter}
          choices={[["all", said.all], ...WORKFLOW_STATES.map((one) => [one, states[one]] as const)]}
          chosen={state ?? "all"}
          onChoose={(choice) => change({ state: choice === "all" ? undefined : choice })}
        />
        <FindHere label={said.byTag} value={typed} onChange={setTyped} />
      </div>
      <Reading of={workflows}>
        {({ workflows, nextOffset }) =>
          workflows.length === 0 && (state ?? tag) !== undefined ? (
            <Empty title={said.noMatch}>
              <p>
                <Link to="/workflows">{said.backToAll}</Link>
              </p>
            </Empty>
          ) : workflows.length === 0 ? (
            <Empty title={said.empty}>
              <p>{said.how}</p>
              <Command text="manyhands workflow ls" />
            </Empty>
          ) : (
            <>
              <WorkflowTable workflows={workflows} />
              {nextOffset !== null && limit < MOST && (
                <p>
                  <Button onClick={() => setLimit(Math.min(MOST, limit + 2 * PAGE))}>{said.more}</Button>
                </p>
              )}
            </>
          )
        }
      </Reading>
    </>
  );
}

function WorkflowTable({ workflows }: { workflows: readonly WorkflowRow[] }) {
  const { workflows: said } = useWords();
  const navigate = useNavigate();
  const columns: Column<WorkflowRow>[] = [
    {
      key: "id",
      head: said.workflow,
      cell: ({ id, state }) => (
        <span className="row">
          <Link to="/workflows/$id" params={{ id }}>
            <bdi>{id}</bdi>
          </Link>
          <State pill name={state} />
        </span>
      ),
    },
    { key: "name", head: said.name, label: said.name, isMinor: true, cell: ({ name }) => <bdi>{name}</bdi> },
    {
      key: "tags",
      head: said.tags,
      label: said.tags,
      isMinor: true,
      cell: ({ tags }) =>
        tags.map((tag) => (
          <Link key={tag} to="/workflows" search={{ tag }} className="tag">
            <bdi>{tag}</bdi>
          </Link>
        )),
    },
    { key: "steps", head: said.progress, label: said.progress, isFull: true, cell: Progress },
    {
      key: "submitted",
      head: said.submitted,
      label: said.submitted,
      isNumber: true,
      cell: ({ createdAt }) => <Ago at={createdAt} />,
    },
    {
      key: "took",
      head: said.took,
      label: said.took,
      isNumber: true,
      isMinor: true,
      cell: ({ createdAt, finishedAt }) => (finishedAt === null ? "–" : duration(finishedAt - createdAt)),
    },
  ];
  return (
    <div className="card">
      <Table
        caption={said.title}
        columns={columns}
        rows={workflows}
        rowKey={({ id }) => id}
        onOpen={({ id }) => void navigate({ to: "/workflows/$id", params: { id } })}
      />
    </div>
  );
}
