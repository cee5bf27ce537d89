export const deadLetters = {
  title: "Dead letters",
  lead: "Tasks whose last try failed.",
  empty: "No task is dead.",
};
