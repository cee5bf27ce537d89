export const audit = {
  title: "Audit",
  lead: "Who did what, when, to what.",
  empty: "No change is recorded yet.",
};
