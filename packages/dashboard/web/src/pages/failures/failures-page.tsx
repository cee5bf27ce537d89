import { PageHead } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";

export function FailuresPage() {
  const { failures: said } = useWords();
  return <PageHead title={said.title} tab={said.title} lead={said.lead} />;
}
