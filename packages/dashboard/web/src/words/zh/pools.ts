export const pools = {
  title: "池",
  lead: "同时运行多少任务，以及哪些在等待。",
  empty: "还没有池。提交第一个任务时会创建。",
  pool: "池",
  running: "运行中",
  of: (slots: string) => `共 ${slots}`,
  waiting: "等待中",
  failed: "失败",
};
