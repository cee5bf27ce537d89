/** Parts of BullMQ's queue of a pool that have a key of their own. */
export type QueuePart =
  /** List: jobs that wait, the next one at the right. */
  | "wait"
  /** List: the same while the queue is paused, in older versions of BullMQ. */
  | "paused"
  /** List: jobs that run. */
  | "active"
  /** Sorted sets of jobs. */
  | "prioritized"
  | "delayed"
  | "waiting-children"
  | "completed"
  | "failed"
  /** Hash: settings of the queue. */
  | "meta"
  /** Stream: what happens to jobs. */
  | "events"
  /** Sorted set: announces work to workers that wait. */
  | "marker"
  /** Counters: the last id that BullMQ gave, and the order of jobs with a priority. */
  | "id"
  | "pc"
  /** Set: active jobs that may have lost their worker; string with PX: the last look for them. */
  | "stalled"
  | "stalled-check"
  /** String with PX: jobs taken within the limit of the queue's rate. */
  | "limiter";

/** Keys of a workflow beside its state. */
export type WorkflowPart = "nodes" | "results" | "line" | "stack" | "held" | "failed" | "large";

/**
 * Names of every Redis key and channel of a namespace: ours, and BullMQ's.
 *
 * BullMQ's keys are `{namespace}:<pool>:<part>`; ours are separated by a slash, so that no pool name can
 * meet one of them. All share the hash tag `{namespace}` and therefore one slot of a Redis Cluster, which
 * scripts over several keys and flows over several pools need.
 */
export class Keys {
  readonly namespace: string;
  /** BullMQ's `prefix` for every pool of this namespace. */
  readonly queuePrefix: string;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.queuePrefix = `{${namespace}}`;
  }

  /** Hash: pool name -> PoolRecord as JSON. */
  get pools(): string {
    return `{${this.namespace}}/pools`;
  }

  /** Hash with PEXPIRE: how far hosts have looked for queues that are no pools. */
  get queueSearch(): string {
    return `{${this.namespace}}/queue-search`;
  }

  /** Hash with PEXPIRE: what hosts do for one another -> server time in ms at which one of them began it last. */
  get duties(): string {
    return `{${this.namespace}}/duties`;
  }

  /**
   * Stream with PEXPIRE: `topic` of each change that BullMQ's events do not tell of: of pools, hosts, processes. Those who
   * watch the namespace read it.
   */
  get changes(): string {
    return `{${this.namespace}}/changes`;
  }

  /** Sorted set: host id -> server time in ms until which it is listed; its heartbeat may have expired before. */
  get hosts(): string {
    return `{${this.namespace}}/hosts`;
  }

  /** String with PX: HostRecord as JSON, rewritten by each heartbeat. */
  host(hostId: string): string {
    return `{${this.namespace}}/host/${hostId}`;
  }

  /** Sorted set with PEXPIRE: id of a host that is gone -> server time in ms at which it went, or at which that was noticed. */
  get goneHosts(): string {
    return `{${this.namespace}}/gone-hosts`;
  }

  /** String with PX: HostCardRecord as JSON, what is known of a host also when it is gone. */
  hostCard(hostId: string): string {
    return `{${this.namespace}}/host-card/${hostId}`;
  }

  /** Lists with PEXPIRE: the last lines of a host's log, as JSON; warnings and errors apart, so that others do not push them out. */
  hostLog(hostId: string, part: "lines" | "warnings"): string {
    return `{${this.namespace}}/host-${part}/${hostId}`;
  }

  /** Sorted set with PEXPIRE: host id -> server time in ms since when it offers slots; hosts that wait with a free one. */
  get offers(): string {
    return `{${this.namespace}}/offers`;
  }

  /** Hash with PEXPIRE: the slots that a host offers, the pools and tasks for which it does, and what was assigned. */
  hostOffers(hostId: string): string {
    return `{${this.namespace}}/offers/${hostId}`;
  }

  /**
   * String with PX {@link OFFER_LIFE}: the host's own clock when it renewed its offers, ms; then a "!" when a job was assigned
   * since. Without it nothing is offered.
   */
  offerRenewal(hostId: string): string {
    return `{${this.namespace}}/offer-renewal/${hostId}`;
  }

  /** Set with PX: queues whose jobs a host takes; `*` = every pool, `!<pool>` = not this one at present. */
  hostQueues(hostId: string): string {
    return `{${this.namespace}}/host-queues/${hostId}`;
  }

  /** Set with PX: ids of hosts that know the task; one that has no {@link hostQueues} is gone. */
  taskHosts(task: string): string {
    return `{${this.namespace}}/task-hosts/${task}`;
  }

  /** String with PX: the schema of the arguments of a task, as JSON Schema. */
  taskSchema(task: string): string {
    return `{${this.namespace}}/task-schema/${task}`;
  }

  /** Set with PX: `<queue>/<task>` of each {@link parkedJobs}. */
  get parked(): string {
    return `{${this.namespace}}/parked`;
  }

  /** Sorted set with PX: jobs that were parked because no live host knows the task -> their order. */
  parkedJobs(queue: string, task: string): string {
    return `{${this.namespace}}/parked/${queue}/${task}`;
  }

  /**
   * Sorted set with PEXPIRE: what ends a host's wait for work: itself, a job that was assigned to it, or the key of the markers
   * of a queue in which another host has found work for it.
   */
  hostWake(hostId: string): string {
    return `{${this.namespace}}/host-wake/${hostId}`;
  }

  /** What every key that manyhands writes itself begins with; scripts build the keys of sessions and objects from it. */
  get prefix(): string {
    return `{${this.namespace}}/`;
  }

  /**
   * Hash with PX: `record` (SessionRecord as JSON) and `wakeups` (how many were sent to it so far); its absence means
   * that the client is gone.
   */
  session(clientId: string): string {
    return `{${this.namespace}}/session/${clientId}`;
  }

  /** Set: unnamed objects that the session made, as `<kind>/<name>`. */
  sessionObjects(clientId: string): string {
    return `{${this.namespace}}/session-objects/${clientId}`;
  }

  /** Set: what the session holds or takes part in, as `<kind>/<name>`. */
  sessionHoldings(clientId: string): string {
    return `{${this.namespace}}/session-holdings/${clientId}`;
  }

  /** Hash with PX: operation id -> its answer, until the session has acknowledged it. */
  sessionAnswers(clientId: string): string {
    return `{${this.namespace}}/session-answers/${clientId}`;
  }

  /** As {@link sessionAnswers}, of what changes objects that outlive the session: that is there also when the session has ended. */
  sessionWrites(clientId: string): string {
    return `{${this.namespace}}/session-writes/${clientId}`;
  }

  /** Pub/sub channel of one session: "<number of the wake-up> <numbers of the waiters, by commas>[ <word>]". */
  wakeups(clientId: string): string {
    return `{${this.namespace}}/wakeups/${clientId}`;
  }

  /** Sorted set: `session/<id>` or `<kind>/<name>` -> server time in ms at which it has to be looked at. */
  get deadlines(): string {
    return `{${this.namespace}}/deadlines`;
  }

  /** String with PX: server time in ms of the last look at the deadlines. */
  get watched(): string {
    return `{${this.namespace}}/watched`;
  }

  /** String with PX: changes only when Redis lost its data (or no session existed for long). */
  get epoch(): string {
    return `{${this.namespace}}/epoch`;
  }

  /** Sorted set: every shared object as `<kind>/<name>` -> server time in ms at which it was made. */
  get objects(): string {
    return `{${this.namespace}}/objects`;
  }

  /** A key of a shared object: its main key, or a named part of it. */
  object(kind: string, name: string, part?: string): string {
    return `{${this.namespace}}/${part === undefined ? kind : `${kind}-${part}`}/${name}`;
  }

  /** Stream with PEXPIRE: answers on their way to one client process. */
  replies(clientId: string): string {
    return `{${this.namespace}}/replies/${clientId}`;
  }

  /** String with PX: answers of one run of a job that are too large for its return value. The job's hash names the run. */
  result({ pool, jobId, run }: { pool: string; jobId: string; run: string }): string {
    return `{${this.namespace}}/result/${pool}/${jobId}/${run}`;
  }

  /** Sorted set with PEXPIRE: `<job>/<run>` -> server time in ms at which answers were stored; all of one pool. */
  results(pool: string): string {
    return `{${this.namespace}}/results/${pool}`;
  }

  /** Sorted set: `<pool> <job>` of jobs that expire when they are not started in time -> epoch ms. */
  get expiries(): string {
    return `{${this.namespace}}/expiries`;
  }

  /** Hash: settings of the namespace; `keep` as JSON. */
  get settings(): string {
    return `{${this.namespace}}/settings`;
  }

  /** Set: `<completed or failed>/<pool>/<task>` for each task that has finished jobs with a rule of its own for the history. */
  get keptTasks(): string {
    return `{${this.namespace}}/kept-tasks`;
  }

  /** Hash: `<completed or failed>/<pool>` -> epoch ms up to which only jobs with a rule of their own are left there. */
  get keptPlaces(): string {
    return `{${this.namespace}}/kept`;
  }

  /** Sorted sets: finished jobs that a task's own rule keeps -> epoch ms at which they ended; of one task, or of all of a pool. */
  kept(set: "completed" | "failed", pool: string, task?: string): string {
    return `{${this.namespace}}/kept/${set}/${pool}${task === undefined ? "" : `/${task}`}`;
  }

  /** Sorted set: jobs among the failed ones of a pool that were cancelled -> epoch ms at which they ended. */
  cancelled(pool: string): string {
    return `{${this.namespace}}/cancelled/${pool}`;
  }

  /** Sorted set: name of a schedule -> epoch ms at which it is due; +inf = paused, or it has ended. */
  get schedules(): string {
    return `{${this.namespace}}/schedules`;
  }

  /** Set: names of schedules with runs that wait for the one before them. */
  get queuedSchedules(): string {
    return `{${this.namespace}}/schedules/queued`;
  }

  /** Hash: one schedule: `spec` as JSON, and what has become of it. */
  schedule(name: string): string {
    return `{${this.namespace}}/schedule/${name}`;
  }

  /** List: the last due times of a schedule and what became of them, as JSON, the newest first. */
  scheduleRuns(name: string): string {
    return `{${this.namespace}}/schedule-runs/${name}`;
  }

  /** Hash with PEXPIRE: a file of schedules that is given to hosts: which version of it is in force. */
  scheduleFile(file: string): string {
    return `{${this.namespace}}/schedule-file/${file}`;
  }

  /** List: due times of a schedule whose runs wait for the one before them, epoch ms. */
  scheduleQueue(name: string): string {
    return `{${this.namespace}}/schedule-queue/${name}`;
  }

  /** Set with PEXPIRE: children that a task has submitted, as JSON: number of the call, pool (null = a workflow), id. */
  children(pool: string, jobId: string): string {
    return `{${this.namespace}}/children/${pool}/${jobId}`;
  }

  /** Sorted set: id of a workflow -> server time in ms at which it was submitted. */
  get workflows(): string {
    return `{${this.namespace}}/workflows`;
  }

  /** Set: ids of workflows that run, or of which steps are still in line: hosts look after them. */
  get openWorkflows(): string {
    return `{${this.namespace}}/workflows/open`;
  }

  /** Sorted sets: id of a workflow that has ended -> server time in ms at which it did; those that failed and the others apart. */
  endedWorkflows(set: "completed" | "failed"): string {
    return `{${this.namespace}}/workflows/${set}`;
  }

  /** Hash: state of a workflow; PEXPIRE while it is being submitted. */
  workflow(id: string): string {
    return `{${this.namespace}}/workflow/${id}`;
  }

  /**
   * Parts of a workflow. `nodes` (list, PEXPIRE while it is being submitted): its tree, each node as MessagePack; `results`
   * (hash): number of a node -> its result; `line` (set): steps whose jobs wait or run; `stack` (list): what may start,
   * the next one at the right; `held` and `failed` (sets): steps that were stopped or have failed, for a retry; `large` (set):
   * steps with a {@link workflowResult}.
   */
  workflowPart(id: string, part: WorkflowPart): string {
    return `{${this.namespace}}/workflow-${part}/${id}`;
  }

  /** String: result of a step that is too large for the results of its workflow. */
  workflowResult(id: string, step: number): string {
    return `{${this.namespace}}/workflow-result/${id}/${step}`;
  }

  /** Hash: the limits of a pool: how many jobs they hold back, and the rules that hosts know. See `work/limits/limit-lua.ts`. */
  limits(pool: string): string {
    return `{${this.namespace}}/limits/${pool}`;
  }

  /** Sorted set: jobs of a pool that a limit holds back -> their order. @param place - `<task, or nothing for the pool>|<key>` */
  limitWaiting(pool: string, place: string): string {
    return `{${this.namespace}}/limit-waiting/${pool}/${place}`;
  }

  /** Places of a pool: sorted sets of those that may have a turn, are full, or start later; hashes of jobs, and of how many, that run. */
  limitPart(part: "turns" | "full" | "later" | "held" | "running", pool: string): string {
    return `{${this.namespace}}/limit-${part}/${pool}`;
  }

  /** Hash: place of a limit that counts over all pools -> how many run. */
  get allLimitRunning(): string {
    return `{${this.namespace}}/limit-all-running`;
  }

  /** String with PX: who clears a terminated pool away at the moment. */
  poolRemoval(pool: string): string {
    return `{${this.namespace}}/pool-removal/${pool}`;
  }

  /** Sorted set: id of a process that waits or runs -> server time in ms at which it was created. */
  get processes(): string {
    return `{${this.namespace}}/processes`;
  }

  /** Sorted set with PEXPIRE: id of a process that has ended -> server time in ms at which it did. */
  get endedProcesses(): string {
    return `{${this.namespace}}/processes/ended`;
  }

  /** Set: queues of processes that are bound to a host or a label. */
  get processQueues(): string {
    return `{${this.namespace}}/processes/queues`;
  }

  /** Hash: one process (`ProcessRecord`); PEXPIRE once it has ended. */
  process(processId: string): string {
    return `{${this.namespace}}/process/${processId}`;
  }

  /**
   * Hash: state of the index of tasks. `next` (number of the next task), `first` (no task has a smaller number; absent = 0),
   * `format`, `built` (epoch ms since when all jobs are in it), `base` and `filled` (while it is made anew: jobs get numbers
   * below `base`, and so many have theirs), `swept` and `compared` (the bucket and the pool up to which was swept),
   * `gone:<chunk>` (tasks of it that are gone and in no container any more), `dirty` (what went wrong; absent = nothing).
   */
  get taskIndex(): string {
    return `{${this.namespace}}/index`;
  }

  /** List: records of the tasks with the numbers from 128 times the bucket on: pool, id, task and tags, a line each. */
  indexTasks(bucket: number): string {
    return `{${this.namespace}}/index-tasks/${bucket}`;
  }

  /** Hash: `<kind>=<value>` -> tasks of the chunk that have the value. */
  indexValues(chunk: number): string {
    return `{${this.namespace}}/index-values/${chunk}`;
  }

  /** Set of integers or bitmap: tasks of the chunk that have a value `<kind>=<value>`, or a state `s=<state>`. */
  indexContainer(chunk: number, value: string): string {
    return `{${this.namespace}}/index/${chunk}/${value}`;
  }

  /** Sorted set: every 1 024th number -> server time in ms at which it was given. */
  get indexTimes(): string {
    return `{${this.namespace}}/index-times`;
  }

  /** Hash with PEXPIRE: an action on all tasks of a query: `record` as JSON, its query, how far it has come and what it did. */
  bulk(bulkId: string): string {
    return `{${this.namespace}}/bulk/${bulkId}`;
  }

  /** String with PX: who makes the index anew. Scripts have intermediate results in keys below it. */
  get indexRebuild(): string {
    return `{${this.namespace}}/index-rebuild`;
  }

  /** What BullMQ's keys of all pools begin with. */
  get queues(): string {
    return `${this.queuePrefix}:`;
  }

  /** BullMQ's key of a part of a pool's queue. */
  queue(pool: string, part: QueuePart): string {
    return `${this.jobs(pool)}${part}`;
  }

  /** What the keys of a pool's jobs begin with; scripts that meet ids of jobs build their keys from it. */
  jobs(pool: string): string {
    return `${this.queues}${pool}:`;
  }

  /** Hash: a job of BullMQ. */
  job(pool: string, jobId: string): string {
    return `${this.jobs(pool)}${jobId}`;
  }

  /** String with PX: token of the worker that runs the job. */
  jobLock(pool: string, jobId: string): string {
    return `${this.job(pool, jobId)}:lock`;
  }

  /** List: the lines that the job has logged. */
  jobLogs(pool: string, jobId: string): string {
    return `${this.job(pool, jobId)}:logs`;
  }

  /** Hash with PEXPIRE: `<pool> LF <task>` -> number of its figures; `<pool> LF` = those of the whole pool. */
  get rollupPairs(): string {
    return `{${this.namespace}}/rollup/pairs`;
  }

  /** Hash with PEXPIRE: figures of a minute or an hour. @param bucket - Minutes, or hours, since 1970 */
  rollup(step: "1m" | "1h", bucket: number, number: string): string {
    return `{${this.namespace}}/rollup/${step}/${bucket}/${number}`;
  }

  /** Hash with PEXPIRE: figures since the pair was first seen. */
  rollupTotal(number: string): string {
    return `{${this.namespace}}/rollup/total/${number}`;
  }

  /** String with PX: the last hour whose figures were summed, hours since 1970. */
  get rollupSummed(): string {
    return `{${this.namespace}}/rollup/summed`;
  }

  /** String with PX: number of the last batch that a writer of figures has sent. */
  rollupWriter(writerId: string): string {
    return `{${this.namespace}}/rollup/writer/${writerId}`;
  }

  /** Sorted set with PEXPIRE: group of errors -> server time in ms of the last one. */
  get errors(): string {
    return `{${this.namespace}}/errors`;
  }

  /** Hash with PEXPIRE: what the errors of a group have in common. */
  errorGroup(group: string): string {
    return `{${this.namespace}}/error/${group}`;
  }

  /** Hash with PEXPIRE: minute of that hour -> errors of a group. @param hour - Hours since 1970 */
  errorHour(group: string, hour: number): string {
    return `{${this.namespace}}/error/${group}/1h/${hour}`;
  }

  /** Hash with PEXPIRE: hour of that day -> errors of a group. @param day - Days since 1970 */
  errorDay(group: string, day: number): string {
    return `{${this.namespace}}/error/${group}/${day}`;
  }

  /** Stream with PEXPIRE: how the server of Redis was, every five minutes; figures as JSON. */
  get server(): string {
    return `{${this.namespace}}/server`;
  }

  /** Stream with PEXPIRE: who changed what through the dashboard or the command line. */
  get audit(): string {
    return `{${this.namespace}}/audit`;
  }

  /** Pub/sub channel that every host listens to (pools changed, cancel, terminate). */
  get control(): string {
    return `{${this.namespace}}/control`;
  }

  /** Pub/sub channel of one host (drain, resize). */
  hostControl(hostId: string): string {
    return `{${this.namespace}}/control/${hostId}`;
  }
}
