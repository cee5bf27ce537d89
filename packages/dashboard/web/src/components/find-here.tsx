import { Icon } from "./icon.tsx";

/** A search within what a page shows. */
export function FindHere(props: { value: string; onChange: (value: string) => void; label: string }) {
  const { value, onChange, label } = props;
  return (
    <span className="find-here">
      <Icon name="search" />
      <input
        type="search"
        value={value}
        placeholder={label}
        aria-label={label}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onChange("");
        }}
      />
    </span>
  );
}
