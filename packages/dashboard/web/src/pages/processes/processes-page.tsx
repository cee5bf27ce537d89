import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { ProcessView } from "../../../../src/api/types.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { FindHere } from "../../components/find-here.tsx";
import { Icon } from "../../components/icon.tsx";
import { Empty, PageHead, Reading } from "../../components/page.tsx";
import { Segments } from "../../components/segments.tsx";
import { isStateName, State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Duration, Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";
import { HowEnded, ProcessDetail } from "./process-detail.tsx";
import type { ProcessesSearch } from "./process-search.ts";
import { type TreeRow, treeOf } from "./process-tree.ts";

export function ProcessesPage() {
  const { processes: said } = useWords();
  const search: ProcessesSearch = useSearch({ from: "/processes" });
  const navigate = useNavigate({ from: "/processes" });
  const processes = useQuery({
    ...reading<{ processes: ProcessView[] }>("/processes", {
      query: { output: false, ended: search.ended },
      topics: ["processes"],
    }),
    placeholderData: (before: { processes: ProcessView[] } | undefined) => before,
  });
  const live = processes.data?.processes.filter(({ state }) => state === "waiting" || state === "running").length;
  const lead =
    live === undefined ? "\u00a0" : live === 0 ? said.noneLead : live === 1 ? said.oneLead : said.lead(count(live));
  const change = (next: ProcessesSearch): void => void navigate({ search: next, replace: true });
  const { ended: _ended, ...withoutEnded } = search;
  return (
    <>
      <PageHead title={said.title} tab={said.title} lead={lead} />
      <div className="row">
        <FindHere
          label={said.find}
          value={search.q ?? ""}
          onChange={(q) => {
            const { q: _, ...rest } = search;
            change(q === "" ? rest : { ...rest, q });
          }}
        />
        <Segments
          label={said.show}
          choices={[
            ["live", said.live],
            ["ended", said.withEnded],
          ]}
          chosen={search.ended ? "ended" : "live"}
          onChoose={(which) => change(which === "ended" ? { ...search, ended: true } : withoutEnded)}
        />
      </div>
      <Reading of={processes} rows={4}>
        {({ processes }) => <ProcessList processes={processes} search={search} change={change} />}
      </Reading>
    </>
  );
}

function ProcessList(props: {
  processes: readonly ProcessView[];
  search: ProcessesSearch;
  change: (search: ProcessesSearch) => void;
}) {
  const { processes, search, change } = props;
  const { processes: said } = useWords();
  const shown = useMemo(() => {
    const wanted = search.q?.toLowerCase();
    if (wanted === undefined) return processes;
    return processes.filter(({ id, name, target, host, parent }) =>
      [id, name, target, host, parent.name].some((text) => text.toLowerCase().includes(wanted)),
    );
  }, [processes, search.q]);
  const rows = useMemo(() => treeOf(shown), [shown]);
  const opened = rows.find((row) => row.kind === "process" && row.key === search.id);
  const { id: _, ...closed } = search;
  if (rows.length === 0 && search.id === undefined) {
    return search.q === undefined ? (
      <Empty title={said.empty}>
        <p>{said.emptyHint}</p>
        {!search.ended && (
          <p>
            <Button onClick={() => change({ ...search, ended: true })}>{said.withEnded}</Button>
          </p>
        )}
      </Empty>
    ) : (
      <Empty title={said.noMatch(search.q)}>
        <p>
          <Button onClick={() => change(closed.ended ? { ended: true } : {})}>{said.showAll}</Button>
        </p>
      </Empty>
    );
  }
  return (
    <div className={search.id === undefined ? undefined : "beside"}>
      <div className="card">
        <ProcessTable rows={rows} search={search} />
      </div>
      {search.id !== undefined && (
        <div className="stack tight">
          <Link className="only-phone" to="/processes" search={closed}>
            ← {said.showAll}
          </Link>
          <ProcessDetail key={search.id} id={search.id} below={opened?.kind === "process" ? opened.children : 0} />
        </div>
      )}
    </div>
  );
}

function ProcessTable({ rows, search }: { rows: readonly TreeRow[]; search: ProcessesSearch }) {
  const { processes: said } = useWords();
  const ofProcess = (cell: (process: ProcessView) => React.ReactNode) => (row: TreeRow) =>
    row.kind === "process" ? cell(row.process) : null;
  const all: Column<TreeRow>[] = [
    {
      key: "name",
      head: said.process,
      className: "name",
      cell: (row) =>
        row.kind === "program" ? (
          <span className="soft branch">
            <Icon name="processes" /> {said.program(row.name)}{" "}
            <span className="faint">{said.programOn(row.host, String(row.pid))}</span>
          </span>
        ) : (
          <span className="branch" style={{ paddingInlineStart: row.depth * 18 }}>
            <Link to="/processes" search={{ ...search, id: row.key }} title={row.process.id}>
              {row.process.name}
            </Link>
            {row.process.daemon && <span className="tag">{said.daemon}</span>}
          </span>
        ),
    },
    {
      key: "state",
      head: said.state,
      label: said.state,
      cell: ofProcess(({ state }) => (isStateName(state) ? <State name={state} /> : state)),
    },
    { key: "target", head: said.target, label: said.target, isMinor: true, cell: ofProcess(({ target }) => target) },
    {
      key: "host",
      head: said.host,
      label: said.host,
      cell: ofProcess(({ host, hostId }) =>
        host === "" ? (
          <span className="soft">{said.waitsForHost}</span>
        ) : (
          <Link to="/hosts/$id" params={{ id: hostId }}>
            {host}
          </Link>
        ),
      ),
    },
    {
      key: "pid",
      head: said.pid,
      isNumber: true,
      isMinor: true,
      className: "mono",
      cell: ofProcess(({ pid }) => pid ?? "–"),
    },
    {
      key: "age",
      head: said.age,
      label: said.age,
      isNumber: true,
      className: "nowrap",
      cell: ofProcess(({ createdAt, startedAt, endedAt }) => {
        const began = startedAt ?? createdAt;
        return endedAt === null ? <Lasting since={began} /> : <Duration ms={endedAt - began} />;
      }),
    },
    {
      key: "result",
      head: said.result,
      isFull: true,
      cell: ofProcess((process) =>
        process.lost === null && process.exitcode === null ? null : <HowEnded process={process} />,
      ),
    },
  ];
  // Of what still lives there is no end to tell.
  const columns = all.filter(({ key }) => key !== "result" || search.ended === true);
  return (
    <Table
      caption={said.title}
      columns={columns}
      rows={rows}
      rowKey={({ key }) => key}
      isSelected={(row) => row.kind === "process" && row.key === search.id}
    />
  );
}
