export const objects = {
  title: "Shared objects",
  lead: "Locks, queues and all else that programs share.",
  empty: "No program shares anything now.",
};
