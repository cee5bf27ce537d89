import { Link } from "@tanstack/react-router";
import type { GoneHostView } from "../../../../src/api/types.ts";
import { State } from "../../components/state.tsx";
import { type Column, Table } from "../../components/table.tsx";
import { Ago } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";

/** Hosts of the last day that are gone, and how they went. */
export function GoneHosts({ gone }: { gone: readonly GoneHostView[] }) {
  const { hosts: said } = useWords();
  const columns: Column<GoneHostView>[] = [
    {
      key: "name",
      head: said.host,
      className: "name",
      cell: ({ id, name, pid }) => (
        <>
          <Link to="/hosts/$id" params={{ id }}>
            {name}
          </Link>{" "}
          <span className="soft">pid {pid}</span>
        </>
      ),
    },
    { key: "how", head: said.howWent, isFull: true, cell: (host) => <HowGone host={host} /> },
    { key: "became", head: said.became, isFull: true, cell: (host) => <Became host={host} /> },
    {
      key: "when",
      head: said.when,
      label: said.when,
      isNumber: true,
      className: "nowrap",
      cell: ({ goneAt }) => <Ago at={goneAt} />,
    },
  ];
  return (
    <section className="section">
      <header>
        <h2>{said.gone}</h2>
      </header>
      {gone.length === 0 ? (
        <p className="soft">{said.goneNone}</p>
      ) : (
        <div className="card">
          <Table caption={said.gone} columns={columns} rows={gone} rowKey={({ id }) => id} />
        </div>
      )}
    </section>
  );
}

export function HowGone({ host: { how, reason } }: { host: GoneHostView }) {
  const { hosts: said } = useWords();
  const why = reason === null ? "" : `, ${said.reasons[reason] ?? reason}`;
  return (
    <State name={how === "ended" ? "completed" : "gone"}>
      <span className="wrap">
        {said.hows[how]}
        {how === "ended" && why}
      </span>
    </State>
  );
}

export function Became({ host }: { host: GoneHostView }) {
  const { hosts: said } = useWords();
  const { how, finished, givenBack, running } = host;
  if (how !== "ended") return running.length === 0 ? said.ranNothing : said.takenOver(count(running.length));
  const [done, back] = [finished ?? 0, givenBack ?? 0];
  return done + back === 0 ? said.endedIdle : said.endedWith(count(done), count(back));
}
