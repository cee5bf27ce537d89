import type { TaskRow } from "../../../../src/api/types.ts";
import { Button } from "../../components/button.tsx";
import type { IconName } from "../../components/icon.tsx";
import { count } from "../../format/numbers.ts";
import { useWords } from "../../words/index.ts";
import { isMeantFor } from "./bulk-dialog.tsx";
import type { Deed } from "./bulk-run.ts";

const ICONS: Readonly<Record<Deed, IconName>> = {
  cancel: "stop",
  retry: "retry",
  promote: "play",
  remove: "remove",
  change: "edit",
};

/** What can be done to the tasks that are selected. */
export function BulkBar(props: {
  deeds: readonly Deed[];
  isAll: boolean;
  chosen: readonly TaskRow[];
  loaded: number;
  /** How many match; null while that is not known. */
  total: number | null;
  /** An action for all needs a filter. */
  mayAll: boolean;
  forbidden: string | undefined;
  onAll: () => void;
  onLoaded: () => void;
  onClear: () => void;
  onDeed: (deed: Deed) => void;
}) {
  const { deeds, isAll, chosen, loaded, total, mayAll, forbidden, onAll, onLoaded, onClear, onDeed } = props;
  const { tasks: said } = useWords();
  const all = total === null ? null : count(total);
  const noFilter = isAll && !mayAll ? said.needsFilter : undefined;
  return (
    <section className="bulk" aria-label={said.bulk}>
      <span className="say" role="status">
        {isAll ? (
          <>
            <b>{said.allSelected(all)}</b> <span className="soft">{said.alsoHidden}</span>{" "}
            <button type="button" className="as-link" onClick={onLoaded}>
              {said.onlyLoaded(count(loaded))}
            </button>
          </>
        ) : (
          <>
            <b>{said.someSelected(count(chosen.length), chosen.length)}</b>{" "}
            {chosen.length < loaded && (
              <button type="button" className="as-link" onClick={onLoaded}>
                {said.theseLoaded(count(loaded))}
              </button>
            )}{" "}
            <button type="button" className="as-link" onClick={onAll}>
              {said.selectAll(all)}
            </button>
          </>
        )}
        {(noFilter ?? forbidden) !== undefined && <small className="why-not"> {noFilter ?? forbidden}</small>}
      </span>
      {deeds.map((deed) => {
        const fits = isAll || chosen.some((task) => isMeantFor(deed, task));
        const { button, none, isDangerous } = said.deeds[deed];
        return (
          <Button
            key={deed}
            icon={ICONS[deed]}
            look={isDangerous ? "danger" : "plain"}
            disabled={forbidden ?? noFilter ?? (fits ? null : none)}
            onClick={() => onDeed(deed)}
          >
            {button}
          </Button>
        );
      })}
      <Button look="quiet" icon="close" label={said.clearSelection} onClick={onClear} />
    </section>
  );
}
