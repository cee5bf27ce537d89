export const objects = {
  title: "共享对象",
  lead: "锁、队列以及程序共享的一切。",
  empty: "目前没有程序共享任何对象。",
};
