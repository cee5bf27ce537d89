import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/call.ts";
import { Action } from "../../components/action.tsx";
import { Field } from "../../components/field.tsx";
import { useMay } from "../../visitor/may.ts";
import { useWords } from "../../words/index.ts";
import { sizeIn, wrongSize } from "./pool-actions.tsx";

const EMPTY = { name: "", size: "", isolation: "", maxTasks: "" };

export function CreatePool({ taken }: { taken: readonly string[] }) {
  const { pools: said } = useWords();
  const navigate = useNavigate();
  const [fields, setFields] = useState(EMPTY);
  const set = (field: keyof typeof EMPTY) => (value: string) => setFields({ ...fields, [field]: value });
  const name = fields.name.trim();
  const isName = name === "" || (/^[A-Za-z0-9_.-]{1,100}$/.test(name) && !/^processes([.-]|$)/.test(name));
  const wrongName = isName ? (taken.includes(name) ? said.nameTaken : null) : said.nameWrong;
  const wrongs = [wrongName, wrongSize(fields.size, said), wrongSize(fields.maxTasks, said)];
  return (
    <Action
      icon="add"
      disabled={useMay("createPool")}
      onAsk={() => setFields(EMPTY)}
      question={{
        title: said.createTitle,
        children: (
          <>
            <Field
              label={said.name}
              value={fields.name}
              onChange={set("name")}
              wrong={wrongName}
              hint={said.nameHint}
              isCode
              first
            />
            <Field
              label={said.size}
              kind={said.sizeKind}
              value={fields.size}
              onChange={set("size")}
              wrong={wrongSize(fields.size, said)}
              hint={said.sizeHint}
              inputMode="numeric"
            />
            <Field
              label={said.isolation}
              value={fields.isolation}
              onChange={set("isolation")}
              options={Object.entries(said.isolations)}
            />
            <Field
              label={said.maxTasks}
              value={fields.maxTasks}
              onChange={set("maxTasks")}
              wrong={wrongSize(fields.maxTasks, said)}
              hint={said.maxTasksHint}
              inputMode="numeric"
            />
          </>
        ),
        wrong: wrongs.find((wrong) => wrong !== null) ?? (name === "" && said.nameMissing),
        keep: said.keepAsIs,
        go: said.createGo,
      }}
      run={async () => {
        const { isolation } = fields;
        const body = {
          name,
          size: sizeIn(fields.size),
          ...(isolation !== "" && { isolation }),
          ...(fields.maxTasks.trim() !== "" && { maxTasksPerChild: sizeIn(fields.maxTasks) }),
        };
        await call("/pools", { method: "POST", body });
        void navigate({ to: "/pools/$name", params: { name } });
        return { said: said.created(name) };
      }}
    >
      {said.create}
    </Action>
  );
}
