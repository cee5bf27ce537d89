import { useQuery } from "@tanstack/react-query";
import type { TaskView } from "../../../../src/api/types.ts";
import { pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { CopyButton, Reading } from "../../components/page.tsx";
import { useWords } from "../../words/index.ts";

/** The BullMQ job of a task, field by field. */
export function RawDialog({ task, onClose }: { task: TaskView; onClose: () => void }) {
  const { task: said, common } = useWords();
  const raw = useQuery({
    ...reading<{ fields: Record<string, string>; cut: string[] }>(pathOf("tasks", task.id, "raw"), {
      topics: [`pools/${task.pool}`],
      query: { pool: task.pool },
    }),
    staleTime: 0,
  });
  const job = task.id.replace(/\.\d+$/, "");
  return (
    <Dialog title={said.rawTitle(task.units > 1 ? job : task.id)} onClose={onClose} className="wide-dialog">
      <Reading of={raw} rows={6}>
        {({ fields, cut }) => {
          const text = JSON.stringify(Object.fromEntries(Object.entries(fields).map(readable)), null, 2);
          return (
            <>
              {cut.length > 0 && <p className="soft">{said.cutFields(cut.join(", "))}</p>}
              <div className="raw">
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a text that scrolls is reached by keys */}
                <pre tabIndex={0}>{text}</pre>
                <CopyButton text={text} />
              </div>
            </>
          );
        }}
      </Reading>
      <footer>
        <Button onClick={onClose}>{common.close}</Button>
      </footer>
    </Dialog>
  );
}

/** Fields that are JSON, as what they hold. */
function readable([name, text]: [string, string]): [string, unknown] {
  if (!/^[[{]/.test(text)) return [name, text];
  try {
    return [name, JSON.parse(text)];
  } catch {
    return [name, text];
  }
}
