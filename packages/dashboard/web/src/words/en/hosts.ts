export const hosts = {
  title: "Hosts",
  lead: "Machines that run tasks.",
  empty: "No host runs. Start one:",
};
