import type { TimeUnit } from "../../format/rates.ts";

export const common = {
  units: { millisecond: "毫秒", second: "秒", minute: "分", hour: "小时", day: "天" },
  perOne: (max: string, unit: TimeUnit) =>
    `每${{ millisecond: "毫秒", second: "秒", minute: "分钟", hour: "小时", day: "天" }[unit]} ${max} 次`,
  perTime: (max: string, time: string) => `每 ${time} ${max} 次`,
  ago: (duration: string) => `${duration}前`,
  inFuture: (duration: string) => `${duration}后`,
  since: "始于",
  none: "无",
  close: "关闭",
  copy: "复制",
  copied: "已复制",
  undo: "撤销",
  open: "打开",
  more: "更多",
  tryAgain: "重试",
  cannotRead: "无法读取这一部分",
  forbidden: (role: string) => `您的角色 ${role} 只能查看`,
  readOnly: "此仪表盘为只读",
  loading: "加载中",
  time: "时间",
  asTable: "显示为表格",
  asChart: "显示为图表",
};
