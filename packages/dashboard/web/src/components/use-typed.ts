import { useEffect, useRef, useState } from "react";

/** A text field is asked for when nothing was typed for so long, ms. */
const TYPING = 300;

/** What is typed into a field of a filter in the address, which follows when the typing pauses. */
export function useTyped(value: string, onChange: (value: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  // What stands in the address wins: the way back of the browser changes it, too.
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => latest.current(typed), TYPING);
    return () => clearTimeout(timer);
  }, [typed, value]);
  return [typed, setTyped];
}
