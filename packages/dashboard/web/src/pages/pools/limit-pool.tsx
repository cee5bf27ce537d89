import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { KnownTaskView, LimitRule, PoolView } from "../../../../src/api/types.ts";
import { call, pathOf } from "../../api/call.ts";
import { reading } from "../../api/queries.ts";
import { Action, type Done } from "../../components/action.tsx";
import { Field } from "../../components/field.tsx";
import { count } from "../../format/numbers.ts";
import { ratePer } from "../../format/rates.ts";
import { useMay } from "../../visitor/may.ts";
import { useWords, words } from "../../words/index.ts";
import { sizeIn, wrongSize } from "./pool-actions.tsx";

type PoolWords = ReturnType<typeof useWords>["pools"];

const EMPTY = { task: "", what: "some", concurrency: "", max: "", per: "", kind: "window", isKeyed: false };
type Fields = typeof EMPTY;

/** Limits the tasks of a pool, or one of them in this pool, over all hosts. */
export function LimitPool({ pool }: { pool: PoolView }) {
  const { pools: said } = useWords();
  const may = useMay("changePool");
  const { name, limits, state } = pool;
  const { data } = useQuery(reading<{ tasks: KnownTaskView[] }>("/known-tasks", { topics: ["hosts"] }));
  const [fields, setFields] = useState<Fields>(EMPTY);
  const set = (changed: Partial<Fields>): void => setFields({ ...fields, ...changed });
  const { task, what, concurrency, max, per } = fields;
  const isSome = what === "some";
  const tasks = (data?.tasks ?? []).map((known) => known.name).sort();
  const whats = Object.entries(said.limitWhats).filter(([one]) => task !== "" || one !== "reset");
  const send = async (body: object, whatItSays: string): Promise<Done> => {
    await call(pathOf("pools", name), { method: "PATCH", body });
    return { said: whatItSays };
  };
  const whose = task === "" ? name : `${task} (${name})`;
  return (
    <Action
      icon="resize"
      size="small"
      disabled={may ?? (state === "terminated" && said.states.terminated)}
      onAsk={() => setFields(fieldsOf(limits))}
      question={{
        title: said.limitTitle(name),
        facts: said.limitFacts,
        children: (
          <>
            <Field
              label={said.limitOf}
              value={task}
              onChange={(chosen) => set(chosen === "" ? fieldsOf(limits) : { ...EMPTY, task: chosen })}
              options={[["", said.limitOfPool], ...tasks.map((one) => [one, one] as const)]}
              first
            />
            <Field label={said.limitWhat} value={what} onChange={(chosen) => set({ what: chosen })} options={whats} />
            {isSome && <RuleFields fields={fields} set={set} />}
          </>
        ),
        wrong: isSome && wrongIn({ concurrency, max, per }, said),
        keep: said.keepAsIs,
        go: said.limitGo,
      }}
      run={async () => {
        const of = task === "" ? {} : { task };
        if (what === "reset") return send({ ...of, limits: null, reset: true }, said.limitAsCode(whose));
        const rule = isSome ? ruleIn(fields) : null;
        const done = await send(
          { ...of, limits: rule },
          rule ? said.limitSet(whose, textOf(rule, said)) : said.limitGone(whose),
        );
        if (task !== "") return done;
        const before = limits ? said.limitSet(whose, textOf(limits, said)) : said.limitGone(whose);
        return { ...done, undo: () => send({ limits }, before) };
      }}
    >
      {said.limit}
    </Action>
  );
}

function RuleFields({ fields, set }: { fields: Fields; set: (changed: Partial<Fields>) => void }) {
  const { pools: said } = useWords();
  const { concurrency, max, per, kind, isKeyed } = fields;
  const isHalf = (max.trim() === "") !== (per.trim() === "");
  const number = { inputMode: "numeric" as const };
  return (
    <>
      <Field
        {...number}
        label={said.limitConcurrency}
        value={concurrency}
        onChange={(value) => set({ concurrency: value })}
        wrong={wrongSize(concurrency, said)}
      />
      <Field
        {...number}
        label={said.limitMax}
        kind={said.limitMaxKind}
        value={max}
        onChange={(value) => set({ max: value })}
        wrong={wrongSize(max, said)}
      />
      <Field
        {...number}
        label={said.limitPer}
        kind={said.limitPerKind}
        value={per}
        onChange={(value) => set({ per: value })}
        wrong={wrongSize(per, said) ?? (isHalf ? said.limitBoth : null)}
      />
      <Field
        label={said.limitKind}
        value={kind}
        onChange={(value) => set({ kind: value })}
        options={Object.entries(said.limitKinds)}
      />
      <label className="row">
        <input
          type="checkbox"
          className="check"
          checked={isKeyed}
          onChange={(event) => set({ isKeyed: event.target.checked })}
        />
        {said.limitKeyed}
      </label>
    </>
  );
}

function fieldsOf(limits: LimitRule | null): Fields {
  if (!limits) return EMPTY;
  const { concurrency, rate, keyed } = limits;
  return {
    ...EMPTY,
    concurrency: concurrency === undefined ? "" : String(concurrency),
    ...(rate && { max: String(rate.max), per: String(rate.per), kind: rate.kind ?? EMPTY.kind }),
    isKeyed: keyed ?? false,
  };
}

function wrongIn(
  { concurrency, max, per }: Pick<Fields, "concurrency" | "max" | "per">,
  said: PoolWords,
): string | null {
  const wrong = [concurrency, max, per].map((text) => wrongSize(text, said)).find((one) => one !== null);
  if (wrong !== undefined) return wrong;
  const [hasConcurrency, hasMax, hasPer] = [concurrency, max, per].map((text) => text.trim() !== "");
  if (hasMax !== hasPer) return said.limitBoth;
  return hasConcurrency || hasMax ? null : said.limitNothing;
}

function ruleIn({ concurrency, max, per, kind, isKeyed }: Fields): LimitRule {
  const [atOnce, starts, time] = [concurrency, max, per].map(sizeIn);
  return {
    ...(atOnce !== null && atOnce !== undefined && { concurrency: atOnce }),
    ...(starts && time && { rate: { max: starts, per: time, kind: kind === "bucket" ? "bucket" : "window" } }),
    ...(isKeyed && { keyed: true }),
  };
}

function textOf({ concurrency, rate, keyed }: LimitRule, said: PoolWords): string {
  const parts = [
    ...(concurrency === undefined ? [] : [said.limitAtOnce(count(concurrency))]),
    ...(rate === undefined ? [] : [ratePer(rate.max, rate.per, words().common)]),
    ...(keyed ? [said.limitEachKey] : []),
  ];
  return parts.join(", ");
}
