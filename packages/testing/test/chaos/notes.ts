import type { Scratch } from "./scratch.ts";

/** A line of the task `noteAndSpin`. */
export interface Note {
  what: string;
  pid: number;
  /** Wall clock, ms. */
  at: number;
}

/** What `noteAndSpin` wrote. */
export function notes(file: Scratch): Note[] {
  return file.lines().map((line) => {
    const [what = "", pid, at] = line.split(" ");
    return { what, pid: Number(pid), at: Number(at) };
  });
}
