import type { ReactNode } from "react";

/** A choice of a few, of which one is pressed. */
export function Segments<Choice extends string>(props: {
  label: string;
  choices: readonly (readonly [choice: Choice, shown: ReactNode])[];
  chosen: Choice;
  onChoose: (choice: Choice) => void;
}) {
  const { label, choices, chosen, onChoose } = props;
  return (
    <fieldset className="seg" aria-label={label}>
      {choices.map(([choice, shown]) => (
        <button key={choice} type="button" aria-pressed={choice === chosen} onClick={() => onChoose(choice)}>
          {shown}
        </button>
      ))}
    </fieldset>
  );
}
