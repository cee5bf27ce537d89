import { PageHead } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";

export function TasksPage() {
  const { tasks: said } = useWords();
  return <PageHead title={said.title} tab={said.title} lead={said.lead} />;
}
