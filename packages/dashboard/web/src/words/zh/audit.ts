export const audit = {
  title: "审计",
  lead: "谁在何时对什么做了什么。",
  empty: "还没有人做过更改。",
};
