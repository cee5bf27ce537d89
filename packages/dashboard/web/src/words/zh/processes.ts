export const processes = {
  title: "进程",
  lead: "程序启动的子进程。",
  empty: "没有进程在运行。",
};
