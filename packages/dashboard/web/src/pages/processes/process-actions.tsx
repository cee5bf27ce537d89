import type { ProcessView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { Action } from "../../components/action.tsx";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";

/** Ends a process, with SIGTERM or SIGKILL. */
export function EndProcess(props: { process: ProcessView; how: "terminate" | "kill"; below: number }) {
  const { process, how, below } = props;
  const { processes: said } = useWords();
  const may = useMay("endProcess");
  const { id, name, host, pid, state } = process;
  const where = state === "running" ? said.on(host, String(pid ?? "–")) : said.beforeItRuns;
  const isKill = how === "kill";
  return (
    <Action
      icon={isKill ? "close" : "stop"}
      look={isKill ? "danger" : "plain"}
      disabled={may}
      question={{
        title: isKill ? said.killTitle(name) : said.terminateTitle(name),
        facts: said.facts(how, where, below),
        keep: said.keep,
        go: isKill ? said.killGo : said.terminateGo,
        dangerous: true,
      }}
      run={async () => {
        const { outcome } = await call<{ outcome: "told" | "withdrawn" }>(`${pathOf("processes", id)}/${how}`, {
          method: "POST",
        });
        return { said: outcome === "withdrawn" ? said.withdrawn(name) : said.told(name) };
      }}
    >
      {isKill ? said.kill : said.terminate}
    </Action>
  );
}
