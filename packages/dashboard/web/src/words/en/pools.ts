export const pools = {
  title: "Pools",
  lead: "How much runs at once, and what waits.",
  empty: "There is no pool yet. The first submitted task makes one.",
  pool: "Pool",
  running: "Running",
  of: (slots: string) => `of ${slots}`,
  waiting: "Waiting",
  failed: "Failed",
};
