import { PageHead } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";

export function DeadLettersPage() {
  const { deadLetters: said } = useWords();
  return <PageHead title={said.title} tab={said.title} lead={said.lead} />;
}
