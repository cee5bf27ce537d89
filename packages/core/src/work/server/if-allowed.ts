/** A figure that Redis gives only to some users; the other way round, why it does not. */
export type Allowed<Value> = { value: Value; reason: null } | { value: null; reason: string };

/** What `read` gives; where Redis refuses the command, its reason in place of it. */
export async function ifAllowed<Value>(command: string, read: () => Promise<Value>): Promise<Allowed<Value>> {
  try {
    return { value: await read(), reason: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (/NOPERM|no permissions/i.test(message)) {
      return { value: null, reason: `the user of Redis lacks the right +${command}; see docs/deployment.md` };
    }
    if (/unknown (sub)?command/i.test(message)) {
      return {
        value: null,
        reason: `this server does not have the command ${command.replace("|", " ").toUpperCase()}`,
      };
    }
    throw error;
  }
}
