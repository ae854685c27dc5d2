/** A control group that computes only while nothing else wants to: what `CPUWeight=idle` in a systemd unit makes. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of the kernel's two kinds of control groups, the older one keeps CPUs apart from the rest. */
const ROOTS = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup'];

const PATIENCE_MS = 5_000;

export interface IdleGroup {
  /** Moves a process with all of its threads; what it starts from now on is in the group too. */
  add(pid: number): void;
  /** To each of its processes. */
  signal(name: NodeJS.Signals): void;
  /** Once its processes have ended; the kernel takes a moment to see that. */
  remove(): Promise<void>;
}

/** null where it needs rights, or a kernel of at least 5.15, that are not there. */
export function openIdleGroup(): IdleGroup | null {
  for (const root of ROOTS) {
    if (!existsSync(join(root, 'cgroup.procs'))) continue;
    const folder = join(root, `holdfast-bench-${process.pid}`);
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(folder, 'cpu.idle'), '1', { flag: 'r+' });
      return {
        add: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
        signal: (name) => signalAll(folder, name),
        remove: () => remove(folder),
      };
    } catch {
      rmdirSync(folder);
    }
  }
  return null;
}

function signalAll(folder: string, name: NodeJS.Signals): void {
  for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean))
    try {
      process.kill(Number(pid), name);
    } catch {
      // It has ended in between.
    }
}

async function remove(folder: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;)
    try {
      return rmdirSync(folder);
    } catch {
      // Somebody is still in it; an empty one is removed by hand or is gone with the next start of the machine.
      if (Date.now() > until) return;
      await sleep(100);
    }
}
