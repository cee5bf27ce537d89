import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { KnownTaskView } from "../../../../src/api/types.ts";
import { call } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Outcome } from "../../components/action.tsx";
import { Button } from "../../components/button.tsx";
import { Field } from "../../components/field.tsx";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { kindOf, wrongIn, wrongJson } from "./check-field.ts";
import { argumentsOf, type FormField, fieldsOf } from "./schema-fields.ts";

const OTHER = "\u0000other";

/** A form that submits a task to a pool: its fields come from the schema of the task, where it has one. */
export function AddTask({ pool, id }: { pool: string; id: string }) {
  const { pools: said } = useWords();
  const { data } = useQuery(reading<{ tasks: KnownTaskView[] }>("/known-tasks", { topics: ["hosts"] }));
  const [chosen, setChosen] = useState<string | null>(null);
  const [otherName, setOtherName] = useState("");
  const tasks = data?.tasks ?? [];
  const choice = chosen ?? tasks[0]?.name ?? OTHER;
  const known = tasks.find(({ name }) => name === choice);
  const fields = known ? fieldsOf(known.schema) : null;
  const task = choice === OTHER ? otherName.trim() : choice;
  return (
    <section className="card" id={id} aria-label={said.add}>
      <header>
        <h2>{said.add}</h2>
        <small>{known && fields ? said.addFrom(known.name) : said.addPlain}</small>
      </header>
      <div className="body stack tight">
        <Field
          label={said.whichTask}
          value={choice}
          onChange={setChosen}
          options={[...tasks.map(({ name }) => [name, name] as const), [OTHER, said.otherTask] as const]}
          hint={tasks.length === 0 && data ? said.noTasks : undefined}
        />
        {choice === OTHER && <Field label={said.taskName} value={otherName} onChange={setOtherName} isCode />}
        <Arguments
          // A host that starts may give the task another schema while the form is shown.
          key={`${choice} ${JSON.stringify(known?.schema)}`}
          pool={pool}
          task={task}
          fields={fields}
          takes={known?.takes ?? null}
        />
      </div>
    </section>
  );
}

interface Submitted {
  id: string;
  pool: string;
}

const OPTIONS = { priority: "", delay: "", tags: "" };

function Arguments(props: { pool: string; task: string; fields: FormField[] | null; takes: number | null }) {
  const { pool, task, fields, takes } = props;
  const { pools: said, common } = useWords();
  const may = useMay("submit");
  const [values, setValues] = useState<readonly string[]>(() => fields?.map(({ initial }) => initial) ?? []);
  const [list, setList] = useState("[]");
  const [options, setOptions] = useState(OPTIONS);
  const [touched, setTouched] = useState<ReadonlySet<number>>(new Set());
  const [isBusy, setBusy] = useState(false);
  const [submitted, setSubmitted] = useState<Submitted | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  const nameOf = ({ name }: FormField): string => (typeof name === "number" ? said.argument(name + 1) : name);
  const wrongs = fields?.map((field, index) => wrongIn(field, values[index] ?? "", said)) ?? [];
  const wrongField = fields?.find((_, index) => wrongs[index] !== null);
  const wrongList = fields ? null : wrongArguments(list, said);
  const wrongPriority = /^\s*(?:[1-9]\d{0,6})?\s*$/.test(options.priority) ? null : said.priorityWrong;
  const wrongDelay = options.delay.trim() === "" || Number(options.delay) >= 0 ? null : said.delayWrong;
  const toMend = wrongField
    ? nameOf(wrongField)
    : wrongList
      ? said.arguments
      : wrongPriority
        ? said.priority
        : wrongDelay
          ? said.delay
          : null;
  const why = may ?? (task === "" ? said.taskNameMissing : toMend === null ? null : said.mendFirst(toMend));

  const submit = async (): Promise<void> => {
    if (why || isBusy) {
      setTouched(new Set(fields?.keys()));
      return;
    }
    setBusy(true);
    setProblem(null);
    setSubmitted(null);
    try {
      const args = fields ? argumentsOf(fields, values) : (JSON.parse(list) as unknown[]);
      setSubmitted(
        await call<Submitted>("/tasks", { method: "POST", body: { task, args, pool, options: sent(options) } }),
      );
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      className="stack tight"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {fields?.map((field, index) => {
        const isOptional = !field.isRequired;
        const choices = field.options
          ? [
              ...(isOptional || field.initial === "" ? [["", said.leaveOut] as const] : []),
              ...field.options.map((value) => [value, value] as const),
            ]
          : field.kind === "boolean"
            ? ([
                ["", said.leaveOut],
                ["true", said.yes],
                ["false", said.no],
              ] as const)
            : undefined;
        const wrong = touched.has(index) || (values[index] ?? "") !== "" ? wrongs[index] : null;
        return (
          <Field
            key={field.path.join(".")}
            label={nameOf(field)}
            kind={kindOf(field, said)}
            value={values[index] ?? ""}
            onChange={(value) => {
              setTouched(new Set([...touched, index]));
              setValues(fields.map((_, place) => (place === index ? value : (values[place] ?? ""))));
            }}
            wrong={wrong}
            hint={field.description}
            options={choices}
            lines={field.kind === "json" ? 3 : undefined}
            isCode
          />
        );
      })}
      {!fields && (
        <Field
          label={said.arguments}
          kind={said.argumentsKind}
          value={list}
          onChange={setList}
          wrong={wrongList}
          hint={takes === null ? said.argumentsHint : said.takes(String(takes))}
          lines={4}
          isCode
        />
      )}
      <details>
        <summary>{said.options}</summary>
        <div className="stack tight">
          <Field
            label={said.priority}
            kind={said.priorityKind}
            value={options.priority}
            onChange={(priority) => setOptions({ ...options, priority })}
            wrong={wrongPriority}
            inputMode="numeric"
          />
          <Field
            label={said.delay}
            kind={said.delayKind}
            value={options.delay}
            onChange={(delay) => setOptions({ ...options, delay })}
            wrong={wrongDelay}
            inputMode="decimal"
          />
          <Field
            label={said.newTags}
            kind={said.tagsKind}
            value={options.tags}
            onChange={(tags) => setOptions({ ...options, tags })}
          />
        </div>
      </details>
      <div className="row">
        <Button type="submit" look="primary" busy={isBusy} disabled={why}>
          {said.submit}
        </Button>
        {why && <small className="soft">{why}</small>}
      </div>
      <span role="status" className="outcome">
        {submitted && (
          <Outcome
            text={
              <>
                {said.submitted(task)}{" "}
                <Link to="/tasks/$id" params={{ id: submitted.id }} search={{ pool: submitted.pool }}>
                  {submitted.id}
                </Link>
              </>
            }
          >
            <Button size="small" look="quiet" icon="close" label={common.close} onClick={() => setSubmitted(null)} />
          </Outcome>
        )}
        {problem !== null && <Outcome bad text={problem} />}
      </span>
    </form>
  );
}

function wrongArguments(text: string, said: ReturnType<typeof useWords>["pools"]): string | null {
  return wrongJson(text, said) ?? (Array.isArray(JSON.parse(text)) ? null : said.notList);
}

function sent({ priority, delay, tags }: typeof OPTIONS) {
  const list = tags
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  return {
    ...(priority.trim() !== "" && { priority: Number(priority) }),
    ...(delay.trim() !== "" && { delay: Number(delay) * 1_000 }),
    ...(list.length > 0 && { tags: list }),
  };
}
