import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import type { HostView, TaskView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { useWords } from "../../words/index.ts";
import { argsProblem, numberIn, numberText } from "./submit-fields.ts";

/** What the fields hold, as texts. */
interface Fields {
  task: string;
  pool: string;
  args: string;
  tags: string;
  priority: string;
  delay: string;
  attempts: string;
  timeout: string;
  jobId: string;
}

/** A form that submits a task: a new one, or another with changes. */
export function SubmitDialog({ from, onClose }: { from?: TaskView; onClose: () => void }) {
  const { task: said } = useWords();
  // The arguments of a page are a tree that is folded: the form needs all of them.
  const whole = useQuery({
    ...reading<TaskView>(pathOf("tasks", from?.id ?? ""), { topics: [], query: { pool: from?.pool, full: true } }),
    enabled: from !== undefined,
    retry: false,
  });
  if (from === undefined) return <SubmitForm onClose={onClose} fields={fieldsOf(undefined, "[]")} note={null} />;
  if (whole.error) {
    return (
      <Dialog title={said.submitAgainTitle(from.name)} onClose={onClose}>
        <p role="alert">{whole.error.message}</p>
        <footer>
          <Button onClick={onClose}>{said.notNow}</Button>
        </footer>
      </Dialog>
    );
  }
  if (!whole.data) {
    return (
      <Dialog title={said.submitAgainTitle(from.name)} onClose={onClose}>
        <span className="skeleton" role="img" aria-label={said.readsArgs} />
        <footer>
          <Button onClick={onClose}>{said.notNow}</Button>
        </footer>
      </Dialog>
    );
  }
  const text = JSON.stringify(whole.data.args, null, 2) ?? "[]";
  const note = isMoreThanJson(from) ? said.moreThanJson : null;
  return <SubmitForm from={from} onClose={onClose} fields={fieldsOf(from, text)} note={note} />;
}

function SubmitForm(props: { from?: TaskView; fields: Fields; note: string | null; onClose: () => void }) {
  const { from, note, onClose } = props;
  const { task: said } = useWords();
  const navigate = useNavigate();
  const id = useId();
  const [fields, setFields] = useState(props.fields);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const hosts = useQuery(reading<{ hosts: HostView[] }>("/hosts", { topics: ["hosts"] }));
  const names = [...new Set((hosts.data?.hosts ?? []).flatMap(({ tasks }) => tasks))].sort();
  const set = (name: keyof Fields) => (event: { target: { value: string } }) => {
    setFields({ ...fields, [name]: event.target.value });
    setProblem(null);
  };
  const wrong = argsProblem(fields.args, said.argsProblems);
  const submit = async (): Promise<void> => {
    if (isBusy) return;
    if (fields.task.trim() === "") return setProblem(said.taskMissing);
    if (wrong !== null) return setProblem(wrong);
    const numbers = {
      priority: numberIn(fields.priority),
      delay: numberIn(fields.delay, 1_000),
      attempts: numberIn(fields.attempts),
      timeout: numberIn(fields.timeout, 1_000),
    };
    if (Object.values(numbers).some((value) => value === null)) return setProblem(said.numberWrong);
    setBusy(true);
    try {
      const tags = fields.tags.split(/[\s,]+/).filter((tag) => tag !== "");
      const options = {
        ...numbers,
        ...(tags.length > 0 && { tags }),
        ...(fields.jobId.trim() !== "" && { jobId: fields.jobId.trim() }),
      };
      const body = {
        task: fields.task.trim(),
        args: JSON.parse(fields.args) as unknown,
        ...(fields.pool.trim() !== "" && { pool: fields.pool.trim() }),
        options,
      };
      const made = await call<{ id: string; pool: string; isDuplicate: boolean }>("/tasks", { method: "POST", body });
      if (made.isDuplicate) {
        setProblem(said.duplicate(made.id));
        return;
      }
      onClose();
      await navigate({ to: "/tasks/$id", params: { id: made.id }, search: { pool: made.pool } });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const title = from === undefined ? said.submitTitle : said.submitAgainTitle(from.name);
  return (
    <Dialog title={title} onClose={onClose} className="wide-dialog">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {note !== null && <p className="soft">{note}</p>}
        <div className="fields">
          <div className="field">
            <label htmlFor={`${id}-task`}>{said.taskName}</label>
            <input
              className="input mono"
              id={`${id}-task`}
              list={`${id}-names`}
              value={fields.task}
              onChange={set("task")}
              autoFocus={from === undefined}
            />
            <datalist id={`${id}-names`}>
              {names.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </div>
          <div className="field">
            <label htmlFor={`${id}-pool`}>{said.pool}</label>
            <input
              className="input mono"
              id={`${id}-pool`}
              value={fields.pool}
              onChange={set("pool")}
              placeholder="default"
            />
          </div>
        </div>
        <div className="field">
          <label htmlFor={`${id}-args`}>
            {said.args} <span className="soft">{said.argsHint}</span>
          </label>
          <textarea
            className="input mono"
            id={`${id}-args`}
            rows={Math.min(14, Math.max(3, fields.args.split("\n").length))}
            spellCheck={false}
            value={fields.args}
            onChange={set("args")}
            aria-invalid={wrong !== null}
            aria-describedby={`${id}-wrong`}
            autoFocus={from !== undefined}
          />
          <small id={`${id}-wrong`} className={wrong === null ? undefined : "bad"}>
            {wrong ?? said.argsGood}
          </small>
        </div>
        <div className="fields four">
          <Text name={said.priority} id={`${id}-priority`} value={fields.priority} onChange={set("priority")} />
          <Text name={said.delaySeconds} id={`${id}-delay`} value={fields.delay} onChange={set("delay")} />
          <Text name={said.attempts} id={`${id}-attempts`} value={fields.attempts} onChange={set("attempts")} />
          <Text name={said.timeoutSeconds} id={`${id}-timeout`} value={fields.timeout} onChange={set("timeout")} />
        </div>
        <div className="fields">
          <Text name={said.tags} id={`${id}-tags`} value={fields.tags} onChange={set("tags")} />
          <Text name={said.jobId} id={`${id}-job`} value={fields.jobId} onChange={set("jobId")} />
        </div>
        <p role="alert" className="bad">
          {problem}
        </p>
      </form>
      <footer>
        <Button onClick={onClose}>{said.notNow}</Button>
        <Button look="primary" busy={isBusy} onClick={() => void submit()}>
          {said.submitIt}
        </Button>
      </footer>
    </Dialog>
  );
}

function Text(props: {
  name: string;
  id: string;
  value: string;
  onChange: (event: { target: { value: string } }) => void;
}) {
  const { name, id, value, onChange } = props;
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <input className="input" id={id} value={value} onChange={onChange} autoComplete="off" />
    </div>
  );
}

function fieldsOf(from: TaskView | undefined, args: string): Fields {
  return {
    task: from?.name ?? "",
    pool: from?.pool ?? "",
    args,
    tags: from?.tags.join(" ") ?? "",
    priority: numberText(from?.priority),
    delay: "",
    attempts: from && from.attempts > 1 ? String(from.attempts) : "",
    timeout: numberText(from?.timeout, 1_000),
    jobId: "",
  };
}

const JSON_TYPES: ReadonlySet<string> = new Set(["null", "boolean", "number", "string", "Object", "Array"]);

/** Whether JSON says less than the arguments do, as far as they are shown. */
function isMoreThanJson({ typed }: TaskView): boolean {
  const args = typed?.find(({ part }) => part === "args")?.node;
  const isMore = (node: NonNullable<typeof args>): boolean =>
    !JSON_TYPES.has(node.type) || (node.items ?? []).some((item) => isMore(item.node));
  return args !== undefined && isMore(args);
}
