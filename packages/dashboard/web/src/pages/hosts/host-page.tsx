import { PageHead } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";

export function HostPage() {
  const { hosts: said } = useWords();
  return <PageHead title={said.title} tab={said.title} lead={said.lead} />;
}
