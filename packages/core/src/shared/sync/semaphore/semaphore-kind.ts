import type { ObjectKind } from "../../../session/index.ts";
import { leasedReaper } from "../leased/index.ts";
import { SEMAPHORE } from "./semaphore-lua.ts";

/** Returns the leased permits of the dead, takes them out of the line, and calls the next after who did not come. */
export const SEMAPHORE_KIND: ObjectKind = {
  kind: "semaphore",
  reaper: `(function()
${SEMAPHORE}
${leasedReaper("semaphore")}
return reaper
end)()`,
};
