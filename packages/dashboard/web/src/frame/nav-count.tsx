import { useQuery } from "@tanstack/react-query";
import type { HostView, PoolView } from "../../../src/api/types.ts";
import { reading } from "../api/queries.ts";
import { count } from "../format/numbers.ts";
import type { PAGES } from "./pages.ts";

/** How much there is on a page, beside its name at the side. */
export function NavCount({ page }: { page: (typeof PAGES)[number]["name"] }) {
  if (page === "pools") return <PoolCount />;
  if (page === "hosts") return <HostCount />;
  return null;
}

function PoolCount() {
  const { data } = useQuery(reading<{ pools: PoolView[] }>("/pools", { topics: ["pools"] }));
  return data ? <span className="n">{count(data.pools.length)}</span> : null;
}

function HostCount() {
  const { data } = useQuery(reading<{ hosts: HostView[] }>("/hosts", { topics: ["hosts"] }));
  return data ? <span className="n">{count(data.hosts.length)}</span> : null;
}
