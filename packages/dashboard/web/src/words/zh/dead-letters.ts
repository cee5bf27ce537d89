export const deadLetters = {
  title: "死信",
  lead: "最后一次尝试也失败的任务。重试会让它们带着全部尝试次数回到队列。",
  none: "没有彻底失败的任务",
  noneHint: "任务的最后一次尝试失败后会来到这里，保留多久取决于所在的池。",
  toTasks: "查看所有任务",
};
