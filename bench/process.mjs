// What is measured of a process, and how figures are put together.

import { readFile, readdir } from "node:fs/promises";

const CLOCK_TICKS_PER_SECOND = 100;

/** User and system time of a process, also of threads that ended: fields 14 and 15 of its stat. */
export async function cpuSeconds(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** CPU time of the threads that a process has, in milliseconds and finer than a clock's tick. */
export async function cpuMilliseconds(pid) {
  let nanoseconds = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const spent = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
    nanoseconds += Number(spent.split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

/** The child of this process that has a name. */
export async function childNamed(name) {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, "utf8");
  for (const pid of children.trim().split(" ")) {
    const comm = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (comm.trim() === name) return Number(pid);
  }
  throw new Error(`no process ${name} below this one`);
}

/** The middle one, or the mean of the two middle ones. */
export function median(values) {
  const ordered = [...values].sort((a, b) => a - b);
  const middle = Math.floor(ordered.length / 2);
  return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}
