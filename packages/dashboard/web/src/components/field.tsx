import { type ReactNode, useId } from "react";

export interface FieldProps {
  label: ReactNode;
  /** What it takes, behind the label. */
  kind?: ReactNode;
  value: string;
  onChange: (value: string) => void;
  /** What is wrong with the value, and what to give. */
  wrong?: string | null | undefined;
  hint?: ReactNode;
  /** Code and the like. */
  isCode?: boolean;
  /** A choice instead of a text; the words that are shown. */
  options?: readonly (readonly [value: string, shown: string])[] | undefined;
  /** A text of several lines. */
  lines?: number | undefined;
  /** It gets the focus when its dialog opens. */
  first?: boolean;
  inputMode?: "numeric" | "decimal" | undefined;
}

/** A labelled field that says what is wrong with its value. */
export function Field(props: FieldProps) {
  const { label, kind, value, onChange, wrong, hint, isCode = false, options, lines, first = false, inputMode } = props;
  const id = useId();
  const said = wrong ?? hint;
  const shared = {
    id,
    value,
    className: isCode ? "input mono" : "input",
    "aria-invalid": wrong ? (true as const) : undefined,
    "aria-describedby": said ? `${id}-said` : undefined,
    autoFocus: first,
  };
  const change = (event: { target: { value: string } }): void => onChange(event.target.value);
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {kind && <span className="soft kind">{kind}</span>}
      </label>
      {options ? (
        <select {...shared} onChange={change}>
          {options.map(([option, shown]) => (
            <option key={option} value={option}>
              {shown}
            </option>
          ))}
        </select>
      ) : lines ? (
        <textarea {...shared} rows={lines} spellCheck={false} onChange={change} />
      ) : (
        <input {...shared} type="text" autoComplete="off" spellCheck={false} inputMode={inputMode} onChange={change} />
      )}
      {said && (
        <small id={`${id}-said`} className={wrong ? "bad" : "soft"}>
          {said}
        </small>
      )}
    </div>
  );
}
