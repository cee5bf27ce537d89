import { Link } from "@tanstack/react-router";
import type { WaitGraph } from "../../../../src/api/types.ts";
import { type Column, Table } from "../../components/table.tsx";
import { Lasting } from "../../components/time.tsx";
import { count } from "../../format/numbers.ts";
import { visible } from "../../format/visible.ts";
import type { ObjectSearch } from "../../router.tsx";
import { useWords } from "../../words/index.ts";
import { Who } from "./who.tsx";

type GraphObject = WaitGraph["objects"][number];
const MOST_NAMED = 5;

/** The same facts as the drawing has, in words: a row an object. */
export function GraphTable({ graph }: { graph: WaitGraph }) {
  const said = useWords();
  const words = said.objects;
  const byId = new Map(graph.participants.map((one) => [one.id, one]));
  const columns: Column<GraphObject>[] = [
    {
      key: "object",
      head: words.object,
      cell: ({ id, kind, name }) => (
        <>
          <Link to="/objects" search={(before: ObjectSearch) => ({ ...before, object: id })} hash="object">
            <bdi>{visible(name)}</bdi>
          </Link>{" "}
          <span className="soft">{words.kind[kind] ?? kind}</span>
        </>
      ),
    },
    {
      key: "holder",
      head: words.holder,
      label: words.holder,
      isFull: true,
      cell: ({ id, summary }) => {
        const holds = graph.holds.filter(({ object }) => object === id);
        if (holds.length === 0) return <span className="soft">{visible(summary) || words.notHeld}</span>;
        return (
          <ul className="plain">
            {holds.map(({ participant, since }) => {
              const one = byId.get(participant);
              const waits = graph.waits.filter((wait) => wait.participant === participant);
              return (
                <li key={participant}>
                  {one && <Who one={one} />}
                  {since !== null && (
                    <span className="soft">
                      {words.comma}
                      <Lasting since={since} />
                    </span>
                  )}
                  {waits.map(({ object }) => (
                    <span key={object} className="soft">
                      {words.comma}
                      {words.waitsFor} <bdi>{visible(object.slice(object.indexOf("/") + 1))}</bdi>
                    </span>
                  ))}
                </li>
              );
            })}
          </ul>
        );
      },
    },
    {
      key: "line",
      head: words.line,
      label: words.line,
      isFull: true,
      cell: ({ id, waiting }) => {
        const listed = graph.waits
          .filter(({ object }) => object === id)
          .toSorted((one, other) => one.place - other.place)
          .slice(0, MOST_NAMED);
        return (
          <ol className="plain">
            {listed.map(({ participant, place, since }) => {
              const one = byId.get(participant);
              return (
                <li key={participant}>
                  <span className="soft">{place}</span> {one && <Who one={one} />}
                  {since !== null && (
                    <span className="soft">
                      {words.comma}
                      <Lasting since={since} />
                    </span>
                  )}
                </li>
              );
            })}
            {waiting > listed.length && <li className="soft">{words.andMore(count(waiting - listed.length))}</li>}
          </ol>
        );
      },
    },
  ];
  return <Table caption={words.graph} columns={columns} rows={graph.objects} rowKey={({ id }) => id} />;
}
