export const redis = {
  title: "Redis",
  lead: "保存一切数据的服务器。",
  empty: "Redis 没有报告任何信息。",
};
