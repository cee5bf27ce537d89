import type { FindingWords } from "../finding-words.ts";

const WHY_NOT: Readonly<Record<string, string>> = {
  draining: "正在排空",
  quiet: "被要求不接新任务",
  deaf: "不接任务",
  unready: "尚未就绪",
  starting: "正在启动",
  elsewhere: "只服务其他池",
};

export const findings: FindingWords = {
  what: {
    "no-host": ({ waiting }, { count }) =>
      waiting === 0 ? "没有主机在运行" : `${count(waiting)} 个任务在等待，但没有主机在运行`,
    "host-deaf": () => "{host} 在运行，但不接任务",
    "host-quiet": () => "{host} 不接新任务",
    "host-draining": ({ running }) =>
      running === 0 ? "{host} 正在排空并结束" : `{host} 正在排空：仍有 ${running} 个任务在运行`,
    "host-trouble": ({ pool, takesWork }) =>
      takesWork ? "{pool} 的任务在 {host} 上等待" : `{host} 不接${pool === null ? "任务" : " {pool} 的任务"}`,
    "host-clock": ({ difference }, { duration }) => `{host} 的时钟相差 ${duration(difference)}`,
    "host-lost": () => "{host} 未经告知就消失了",
    "host-names": ({ hosts }) => `${hosts.length} 台主机同名：{name}`,
    "pool-failed": () => "{pool} 已失败，不运行任何任务",
    "pool-terminated": () => "{pool} 已终止，但尚未清除",
    "pool-size": ({ inForce }) => `{pool} 同时运行 ${inForce ?? "任意数量"} 个，与其大小不符`,
    "pool-paused": ({ waiting }, { count }) => `{pool} 已暂停，${count(waiting)} 个任务在等待`,
    "pool-unserved": ({ waiting }, { count }) => `{pool} 中 ${count(waiting)} 个任务没有主机`,
    "task-unserved": ({ waiting }, { count }) => `{pool} 中 ${count(waiting)} 个 {task} 任务没有主机`,
    "pool-full": ({ waiting, size }, { count }) =>
      `{pool} 同时只运行 ${count(size)} 个，${count(waiting)} 个任务在等待`,
    "pool-stuck": ({ waiting }, { count }) => `{pool} 停滞，${count(waiting)} 个任务在等待`,
    "queue-grows": ({ waiting }, { count }) => `{pool} 的任务多于其处理能力：${count(waiting)} 个在等待`,
    deadlock: ({ waits }) => {
      const names = new Set(waits.map(({ waiter }) => waiter.task?.name ?? ""));
      return names.size === 1 && !names.has("")
        ? `${waits.length} 个 {task} 任务互相等待`
        : `${waits.length} 个任务和程序互相等待`;
    },
    "lock-held": ({ waiters }) => `{object} 被持有，${waiters} 个在等待`,
    "sessions-left": ({ count: many }, { count }) => `${count(many)} 个程序已结束，但其持有的对象未被释放`,
    "task-fails": ({ failed, ended, failedBefore, onlyHost }, { count }) =>
      `{task} ${onlyHost === null ? "" : `仅在 ${onlyHost} 上`}失败：最近一小时 ${count(ended)} 次中失败 ${count(failed)} 次，此前一小时 ${count(failedBefore)} 次`,
    "schedule-late": ({ count: many }) =>
      many === 1 ? "{schedule} 的运行迟到" : `{schedule} 和另外 ${many - 1} 个计划的运行迟到`,
    "dead-letters": ({ count: many }, { count }) => `{in}${count(many)} 个任务最终失败`,
    "redis-memory": ({ used, limit }, { percent }) => `Redis 已用 ${percent(used / limit)} 的内存`,
    "redis-eviction": ({ policy }) => `Redis 可能丢弃任务：淘汰策略为 ${policy}`,
    "redis-persistence": () => "Redis 未写追加文件",
    "redis-save-failed": () => "Redis 无法写入磁盘",
  },
  why: {
    "no-host": () => "没有丢失：任务会等到有主机为止。",
    "host-deaf": () => "其日志说明原因。若不自行恢复，请重启。",
    "host-quiet": () => "它被要求如此。正在运行的任务继续。",
    "host-draining": ({ canResume }) =>
      canResume ? "它不再接任务；在结束之前可以停止排空。" : "它不再接任务，且已无法保留。",
    "host-trouble": ({ reason }) => `${reason} 主机会自动重试。`,
    "host-clock": () => "表中的时间有同样的误差。请让所有机器的时钟同步 (NTP)。",
    "host-lost": ({ running }) =>
      running === 0 ? "那里没有任务在运行。" : `那里有 ${running} 个任务在运行：其他主机会重新开始。`,
    "host-names": () => "请给每台主机不同的名称；在此之前命令需要编号。",
    "pool-failed": ({ failure }) => `${failure} 修复其初始化函数后重置该池。`,
    "pool-terminated": () => "清除被中断。请再次移除。",
    "pool-size": ({ size }) => `被其他工具更改。主机会在几秒内恢复为 ${size ?? "全部槽位"}。`,
    "pool-paused": () => "恢复之前它们保持原位。",
    "pool-unserved": ({ knowing }) => `${known(knowing, "服务此池")}没有丢失：它们在等待。`,
    "task-unserved": ({ knowing }) => `${known(knowing, "认识此任务")}没有丢失：它们在等待。`,
    "pool-full": ({ waiting, perMinute }, { duration, count }) =>
      perMinute === null
        ? "全部占用，最近 15 分钟没有任务结束。"
        : `约 ${duration((waiting / perMinute) * 60_000)} 的工作，每分钟 ${count(Math.max(1, perMinute))} 个。`,
    "pool-stuck": ({ free }) => `有 ${free} 个空闲槽位，最近 3 分钟没有任务开始。`,
    "queue-grows": ({ submitted, ended, minutes }, { count }) =>
      `最近 ${minutes} 分钟来了 ${count(submitted)} 个，结束 ${count(ended)} 个。`,
    deadlock: ({ behind, pools }) =>
      [
        "它们都不会自行继续。",
        behind === 0 ? "" : `另有 ${behind} 个在其后等待。`,
        pools.length === 0 ? "" : `${pools.join("、")}：所有运行中的任务都在等待。`,
      ].join(""),
    "lock-held": ({ pools, usual }, { duration }) =>
      [
        usual === null ? "由 {holder} 持有。" : `由 {holder} 持有。通常持有 ${duration(usual)}。`,
        pools.length === 0 ? "" : `${pools.join("、")}：所有运行中的任务都在等它。`,
      ].join(""),
    "sessions-left": () => "有主机运行时几秒内会释放；其日志说明原因。",
    "task-fails": ({ error, hosts }) =>
      `${error.name}: ${hosts.length > 1 ? error.message.replace(/[.。]$/, "") : error.message}${hosts.length > 1 ? `。${hosts.join("、")} 都一样。` : ""}`,
    "schedule-late": () => "没有主机启动它：有主机在运行吗？主机的日志说明原因。",
    "dead-letters": () => "原因消除后重试，或移除。",
    "redis-memory": ({ used, limit }, { bytes }) => `${bytes(used)}，共 ${bytes(limit)}。满了就无法提交任务。`,
    "redis-eviction": () => "请运行 CONFIG SET maxmemory-policy noeviction，并写入 redis.conf。",
    "redis-persistence": () => "Redis 重启会丢失最新的任务。请运行 CONFIG SET appendonly yes，并写入 redis.conf。",
    "redis-save-failed": () => "磁盘满了吗？Redis 的日志说明原因。",
  },
  verdict: (now) => `有 ${now} 件事现在需要您处理`,
  calm: "现在没有需要您处理的事",
  well: "一切正常",
  away: "Redis 没有应答",
  lead: ({ soon }) => (soon === 0 ? "" : `另有 ${soon} 件可以等到早上。`),
  answers: (latency, hosts) =>
    hosts === 0 ? `Redis 应答用时 ${latency}，没有主机在运行。` : `Redis 应答用时 ${latency}，${hosts} 台主机有应答。`,
  awayLead: (ago, { now, soon }) =>
    now + soon === 0
      ? `已持续 ${ago}。此前一切正常。`
      : `已持续 ${ago}。此前有 ${now} 件事需要您处理，${soon} 件可以等：`,
  more: (many) => `还有 ${many} 件`,
  attention: "需要处理的事项",
  level: { now: "立即处理", soon: "今天" },
  nobody: "一个程序",
  actions: {
    cancelAndRetry: (task) => `取消 ${task} 并重试…`,
    release: "释放…",
    pause: (pool) => `暂停 ${pool}…`,
    resume: (pool) => `恢复 ${pool}`,
    reset: (pool) => `重置 ${pool}`,
    remove: (pool) => `移除 ${pool}…`,
    resumeHost: (host) => `恢复 ${host}`,
    stopDrain: "停止排空",
    startHost: "启动主机",
    seeFailure: "查看失败",
    seeTasks: "查看这些任务",
    seeObject: "查看锁",
    seeHost: "查看主机",
    seePool: "查看池",
    seeWaits: "等待图",
    seeSchedules: "查看计划",
    seeDeadLetters: "查看",
    seeRedis: "查看 Redis",
  },
  ask: {
    cancelAndRetry: (task, id) => `取消 ${task} ${id} 并重新运行？`,
    cancelFacts: (host) => [
      `它${host === null ? "" : `在 ${host} 上`}被停止。已做的部分可能保留；它从头开始，可用全部尝试次数。`,
      "它持有的对象会释放，等待者得以继续。",
      "其调用者立即收到 CancelledError。重试保留编号，结果仍在原处。",
    ],
    cancelKeep: "让它继续运行",
    cancelGo: "取消并重新运行",
    cancelled: (task) => `${task} 已取消，等待重新运行。`,
    release: (object) => `从持有者处收回 ${object}？`,
    releaseFacts: ["排在最前的等待者立即得到它。", "仍在运行的持有者在续约时收到 LockLostError。"],
    releaseKeep: "保持不变",
    releaseGo: "释放",
    released: (object) => `${object} 已释放。`,
    pause: (pool) => `暂停 ${pool}？`,
    pauseFacts: ["正在运行的任务继续。恢复之前不会开始新任务。", "等待的任务保持原位。"],
    pauseKeep: "让它运行",
    pauseGo: (pool) => `暂停 ${pool}`,
    paused: (pool) => `${pool} 已暂停。任务保持原位。`,
    resumed: (pool) => `${pool} 重新运行。`,
    reset: (pool) => `${pool} 已重置，可以再次开始任务。`,
    remove: (pool) => `移除 ${pool} 及其任务？`,
    removeFacts: ["其等待中或已结束的任务将永久消失。"],
    removeKeep: "保留",
    removed: (pool) => `${pool} 已移除。`,
    hostResumed: (host) => `${host} 重新接任务。`,
    drainStopped: (host) => `${host} 重新接任务：排空已停止。`,
    startHost: "启动主机",
    startHostFacts: "在任务代码所在处运行。主机通过 Redis 和命名空间互相发现。",
  },
};

function known(knowing: readonly { name: string; state: string }[], what: string): string {
  const [only] = knowing;
  if (!only) return `没有在线主机${what}。`;
  const reason = (state: string): string => WHY_NOT[state] ?? state;
  if (knowing.length === 1) return `只有 ${only.name} ${what}，而它${reason(only.state)}。`;
  return `可用的主机都不行：${knowing.map(({ name, state }) => `${name} ${reason(state)}`).join("、")}。`;
}
