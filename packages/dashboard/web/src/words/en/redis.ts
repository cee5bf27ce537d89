export const redis = {
  title: "Redis",
  lead: "The server that holds it all.",
  empty: "Redis says nothing of itself.",
};
