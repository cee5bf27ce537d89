/** Of values of programs: arguments, results, what objects hold. */
export const values = {
  folded: (type: string, size: string) => `${type}，${size} 项`,
  bytes: (type: string, size: string) => `${type}，${size} 字节`,
  characters: (count: string) => `全部 ${count} 个字符`,
  more: (count: string) => `还有 ${count} 个`,
  hidden: "已被 --redact 隐藏",
  circular: "所在的值本身",
  hole: "此处为空",
  empty: "空",
  notRead: "读取失败，请再按一次。",
};
