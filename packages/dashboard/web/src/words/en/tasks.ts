export const tasks = {
  title: "Tasks",
  lead: "All that was submitted and is kept.",
  empty: "No task matches.",
};
