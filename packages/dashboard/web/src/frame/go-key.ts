/** The key that was pressed before the last one. */
let before = { key: "", at: 0 };
let last = before;
window.addEventListener(
  "keydown",
  ({ key, timeStamp }) => {
    before = last;
    last = { key, at: timeStamp };
  },
  { capture: true },
);
/** Two keys of a command, such as `g r`, follow each other within this time, ms. */
const SEQUENCE = 1_000;

/** A letter behind `g` opens a page; `g` may be pressed more than once before it. */
export function isBehindG({ timeStamp }: KeyboardEvent): boolean {
  return before.key === "g" && timeStamp - before.at < SEQUENCE;
}
