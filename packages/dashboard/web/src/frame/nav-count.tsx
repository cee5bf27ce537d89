import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { NavCounts } from "../../../src/api/types.ts";
import { reading } from "../api/queries.ts";
import { Glyph } from "../components/state.tsx";
import { count } from "../format/numbers.ts";
import { soonAgain } from "../live/away.ts";
import { useWords } from "../words/index.ts";
import type { PAGES } from "./pages.ts";

/** Time goes on also where nothing happens: then the counts are read again after this, ms. */
const LOOK_AGAIN = 60_000;

/** What is counted beside the names of pages: one small reading for all of them. */
export function useNavCounts(): NavCounts | undefined {
  const counts = useQuery({
    ...reading<NavCounts>("/overview/counts", { topics: ["pools", "hosts", "objects", "failures", "processes"] }),
    refetchInterval: ({ state }) => soonAgain(state, LOOK_AGAIN),
  });
  return counts.data;
}

/** How much there is on a page, beside its name at the side; with the shape of an alarm where somebody is needed. */
export function NavCount({ page }: { page: (typeof PAGES)[number]["name"] }) {
  const { frame } = useWords();
  const counts = useNavCounts();
  if (!counts) return null;
  const { failed, failsNow, dead, deadlocks, pools, hosts, processes } = counts;
  switch (page) {
    case "failures":
      if (failed === 0) return null;
      return failsNow ? (
        <Alarm shape="failed" many={failed} said={frame.failedInHour} />
      ) : (
        <Count many={failed}>{frame.failedInHour}</Count>
      );
    case "deadLetters":
      return dead === 0 ? null : <Count many={dead} />;
    case "objects":
      return deadlocks === 0 ? null : <Alarm shape="deadlock" many={deadlocks} said={frame.deadlocks(deadlocks)} />;
    case "pools":
      return <Count many={pools} />;
    case "hosts":
      return <Count many={hosts} />;
    case "processes":
      return processes === 0 ? null : <Count many={processes} />;
    default:
      return null;
  }
}

/** The same for the tabs of a phone: the shape alone. */
export function NavAlarm({ page }: { page: (typeof PAGES)[number]["name"] }) {
  const { frame } = useWords();
  const counts = useNavCounts();
  if (page === "failures" && counts?.failsNow) return <TabAlarm shape="failed" said={frame.failedInHour} />;
  if (page === "objects" && counts && counts.deadlocks > 0) {
    return <TabAlarm shape="deadlock" said={frame.deadlocks(counts.deadlocks)} />;
  }
  return null;
}

function Count({ many, children }: { many: number; children?: ReactNode }) {
  return (
    <span className="n">
      {count(many)}
      {children && <span className="hidden"> {children}</span>}
    </span>
  );
}

function Alarm({ shape, many, said }: { shape: "failed" | "deadlock"; many: number; said: string }) {
  return (
    <span className="n alarm">
      <Glyph name={shape} />
      {count(many)}
      <span className="hidden"> {said}</span>
    </span>
  );
}

function TabAlarm({ shape, said }: { shape: "failed" | "deadlock"; said: string }) {
  return (
    <span className="alarm">
      <Glyph name={shape} />
      <span className="hidden"> {said}</span>
    </span>
  );
}
