export const settings = {
  title: "Settings",
  lead: "They stay in this browser.",
  empty: "",
};
