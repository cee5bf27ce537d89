import { useKeys } from "./use-keys.ts";

/**
 * The keys of a list: `j`, `k` and the arrows go from row to row, Enter opens the one that they are at.
 * @param list.size - 0 = there is no list: the keys stay those of the browser
 * @param list.active - The row that the keys are at; -1 = none
 */
export function useRowKeys(list: {
  size: number;
  active: number;
  onActive: (index: number) => void;
  onOpen: (index: number) => void;
}): void {
  const { size, active, onActive, onOpen } = list;
  const move = (step: number) => () => {
    // A link that was pressed before keeps the focus: Enter would press it again.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    onActive(Math.max(0, Math.min(size - 1, active + step)));
  };
  useKeys(
    size === 0
      ? []
      : [
          ["j", move(1)],
          ["k", move(-1)],
          ["ArrowDown", move(1)],
          ["ArrowUp", move(-1)],
          ["Enter", () => active >= 0 && onOpen(active)],
        ],
  );
}
