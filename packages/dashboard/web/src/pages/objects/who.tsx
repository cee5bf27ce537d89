import { Link } from "@tanstack/react-router";
import type { ObjectView } from "../../../../src/api/types.ts";
import { useWords } from "../../words/index.ts";
import { describe, nameOf } from "./names.ts";

type Participant = ObjectView["waiters"][number];

/** A task, with a link to it, or a program. */
export function Who({ one, where = false }: { one: Participant; where?: boolean }) {
  const said = useWords();
  const name = <bdi>{nameOf(one, said)}</bdi>;
  return (
    <>
      {one.task ? (
        <Link to="/tasks/$id" params={{ id: one.task.id }}>
          <b>{name}</b>
        </Link>
      ) : (
        <b>{name}</b>
      )}
      {where && (
        <span className="soft"> {one.task ? describe(one, said) : said.objects.pid(String(one.pid ?? "?"))}</span>
      )}
      {!one.isAlive && <span className="bad"> {said.objects.isGone}</span>}
    </>
  );
}
