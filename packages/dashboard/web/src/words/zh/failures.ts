export const failures = {
  title: "失败",
  lead: "什么失败了、从何时起、在哪里。",
  empty: "这段时间内没有失败。",
};
