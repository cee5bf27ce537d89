import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Empty, PageHead } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";
import { TaskListView } from "./task-list-view.tsx";

/** Tasks whose last try failed: to be run again, or removed. */
export function DeadLettersPage() {
  const { deadLetters: said } = useWords();
  const search = useSearch({ from: "/dead-letters" });
  const navigate = useNavigate();
  return (
    <>
      <PageHead title={said.title} tab={said.title} lead={said.lead} />
      <TaskListView
        name="dead"
        caption={said.title}
        search={search}
        fixed={{ state: "failed" }}
        onSearch={(next) => void navigate({ to: "/dead-letters", search: next })}
        deeds={["retry", "remove"]}
        empty={
          <Empty title={said.none}>
            <p>
              {said.noneHint} <Link to="/tasks">{said.toTasks}</Link>
            </p>
          </Empty>
        }
      />
    </>
  );
}
