import { useEffect, useRef } from "react";
import { tinykeys } from "tinykeys";
import { isBehindG } from "../frame/go-key.ts";
import { useSettings } from "../settings.ts";

/** Keys of a page, as tinykeys names them. They are off in fields, in dialogs, and where letters are turned off. */
export function useKeys(keys: readonly (readonly [name: string, run: () => void])[]): void {
  const { letterKeys } = useSettings();
  const latest = useRef(keys);
  latest.current = keys;
  const names = keys.map(([name]) => name).join("\n");
  useEffect(() => {
    if (names === "") return;
    const bindings = names.split("\n").map((name) => [
      name,
      (event: KeyboardEvent) => {
        const isLetter = /^(?:Shift\+)?[a-zA-Z]$/.test(name);
        if ((isLetter && (!letterKeys || isBehindG(event))) || isBusyElsewhere(event, name)) return;
        event.preventDefault();
        latest.current.find(([each]) => each === name)?.[1]();
      },
    ]);
    return tinykeys(window, Object.fromEntries(bindings));
  }, [names, letterKeys]);
}

function isBusyElsewhere({ target }: KeyboardEvent, name: string): boolean {
  if (document.querySelector("dialog[open]")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName)) {
    return !(target instanceof HTMLInputElement && target.type === "checkbox");
  }
  // A button or a link that has the focus is what Enter presses.
  return name === "Enter" && (target.tagName === "BUTTON" || target.tagName === "A");
}
