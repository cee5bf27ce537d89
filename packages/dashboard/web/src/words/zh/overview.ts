export const overview = {
  title: "概览",
  lead: "需要您处理的事项与总体数量。",
  empty: "没有主机在运行，池中也没有任务。",
};
