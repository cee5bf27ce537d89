export const processes = {
  title: "Processes",
  lead: "Children that programs have started.",
  empty: "No process runs.",
};
