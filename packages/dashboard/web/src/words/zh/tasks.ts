export const tasks = {
  title: "任务",
  lead: "所有已提交并保留的任务。",
  empty: "没有匹配的任务。",
};
