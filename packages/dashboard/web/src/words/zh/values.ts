/** Of values of programs: arguments, results, what objects hold. */
export const values = {
  items: (count: string) => `${count} 项`,
  members: (count: string) => `${count} 个成员`,
  characters: (count: string) => `全部 ${count} 个字符`,
  more: (count: string) => `还有 ${count} 个`,
  hidden: "已被 --redact 隐藏",
  circular: "同一对象，再次出现",
  hole: "此处为空",
  notRead: "读取失败，请再按一次。",
};
