export const overview = {
  title: "Overview",
  lead: "What needs you, and how much there is.",
  empty: "No host runs, and no pool has work.",
};
