/** Lets other programs of the machine go first: a database beside the worker does not wait until a backup has computed. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { statFields } from '../provision/process-identity';

/**
 * Gives this process, all of its threads, and the programs that it starts from now on at least this niceness: 1..19; 0 changes
 * nothing. Linux weighs threads one by one, and where it groups programs by session (sched_autogroup), niceness counts only within a
 * session unless the session is given it too. Never makes it lower: that needs rights, and whoever started it may have meant it.
 */
export function giveWay(niceness: number): void {
  if (niceness <= 0) return;
  for (const thread of threads()) {
    try {
      if (getPriority(thread) < niceness) setPriority(thread, niceness);
    } catch {
      // The thread has ended since.
    }
  }
  groupGivesWay(niceness);
}

/** The process's own number means all of it where there is no list. */
function threads(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}

function groupGivesWay(niceness: number): void {
  try {
    // A session that somebody else leads, such as a person's shell, is not ours to slow down.
    const [, , , session] = statFields(readFileSync('/proc/self/stat', 'utf8'));
    if (Number(session) !== process.pid) return;
    const known = Number(/nice (-?\d+)/.exec(readFileSync('/proc/self/autogroup', 'utf8'))?.[1] ?? Number.NaN);
    if (known < niceness) writeFileSync('/proc/self/autogroup', String(niceness));
  } catch {
    // A kernel that does not group by session.
  }
}
