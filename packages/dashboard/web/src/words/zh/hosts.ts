export const hosts = {
  title: "主机",
  lead: "运行任务的机器。",
  empty: "没有主机在运行。启动一个：",
};
