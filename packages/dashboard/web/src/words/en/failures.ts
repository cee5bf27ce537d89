export const failures = {
  title: "Failures",
  lead: "What fails, since when and where.",
  empty: "Nothing failed in this time.",
};
