/** How `Keys.expiries` names a job. */
export function expiryMember(pool: string, jobId: string): string {
  return `${pool} ${jobId}`;
}

/** The job that an entry names; null for what something else has written. */
export function readExpiryMember(member: string): { pool: string; jobId: string } | null {
  const space = member.indexOf(" ");
  return space < 1 ? null : { pool: member.slice(0, space), jobId: member.slice(space + 1) };
}
