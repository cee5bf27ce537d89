export const deadLetters = {
  title: "Dead letters",
  lead: "Tasks whose last try failed. Retry puts them back into their queue with all their tries.",
  none: "No task has failed for good",
  noneHint: "A task comes here when its last try fails, and stays for as long as its pool keeps failed tasks.",
  toTasks: "See all tasks",
};
