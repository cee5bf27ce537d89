/** How much of something is used. */
export function Meter(props: { used: number; of: number; label: string; warn?: boolean; look?: "bad" }) {
  const { used, of, label, warn = false, look } = props;
  const share = of <= 0 ? 0 : Math.min(1, used / of);
  return (
    <span className={`meter${warn ? " warn" : ""}${look ? ` ${look}` : ""}`} role="img" aria-label={label}>
      <i style={{ width: `${share * 100}%` }} />
    </span>
  );
}

export type SlotState = "busy" | "wait" | "free" | "shut";

/** Slots, one by one; of very many the first only. */
export function Dots({ slots, label }: { slots: readonly SlotState[]; label: string }) {
  return (
    <span className="dots" role="img" aria-label={label}>
      {slots.slice(0, 64).map((slot, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its place
        <i key={index} className={slot === "free" ? "" : slot} />
      ))}
    </span>
  );
}
