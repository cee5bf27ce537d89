/** Of values of programs: arguments, results, what objects hold. */
export const values = {
  items: (count: string) => (count === "1" ? "1 item" : `${count} items`),
  members: (count: string) => (count === "1" ? "1 member" : `${count} members`),
  characters: (count: string) => `all ${count} characters`,
  more: (count: string) => `${count} more`,
  hidden: "hidden by --redact",
  circular: "the same object again",
  hole: "nothing there",
  notRead: "It could not be read. Press again.",
};
