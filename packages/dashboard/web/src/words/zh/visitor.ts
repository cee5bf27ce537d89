export const visitor = {
  roles: { viewer: "查看者", operator: "操作员", admin: "管理员" },
  anyone: "本机的任何用户",
  onlyReading: "只读",
  signOut: "退出登录",
  readOnly: "此仪表盘为只读。",
  needs: (needed: string, yours: string) => `此操作需要角色 ${needed}；您的角色是 ${yours}。`,
};
