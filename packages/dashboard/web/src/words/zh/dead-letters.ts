export const deadLetters = {
  title: "死信",
  lead: "最后一次尝试也失败的任务。",
  empty: "没有死信任务。",
};
