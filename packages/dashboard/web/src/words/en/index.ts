import { audit } from "./audit.ts";
import { common } from "./common.ts";
import { deadLetters } from "./dead-letters.ts";
import { failures } from "./failures.ts";
import { findings } from "./findings.ts";
import { frame } from "./frame.ts";
import { hosts } from "./hosts.ts";
import { objects } from "./objects.ts";
import { overview } from "./overview.ts";
import { pools } from "./pools.ts";
import { processes } from "./processes.ts";
import { redis } from "./redis.ts";
import { schedules } from "./schedules.ts";
import { settings } from "./settings.ts";
import { states } from "./states.ts";
import { task } from "./task.ts";
import { tasks } from "./tasks.ts";
import { values } from "./values.ts";
import { visitor } from "./visitor.ts";
import { workflows } from "./workflows.ts";

export const en = {
  common,
  frame,
  states,
  overview,
  failures,
  task,
  findings,
  tasks,
  deadLetters,
  pools,
  hosts,
  processes,
  objects,
  schedules,
  redis,
  audit,
  settings,
  values,
  visitor,
  workflows,
};
