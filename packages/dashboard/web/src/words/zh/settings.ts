export const settings = {
  title: "设置",
  lead: "保存在此浏览器中。",
  empty: "",
};
