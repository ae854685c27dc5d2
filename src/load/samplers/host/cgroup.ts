/** The limits of the container that this process runs in, from the unified cgroup hierarchy (v2). */
import { join, posix } from 'node:path';

/** Gives a file's text; null when it is not there or may not be read. */
export type ReadText = (path: string) => Promise<string | null>;

export interface ContainerCpu {
  /** Cores that the limit allows; fractions are usual. */
  readonly cores: number;
  /** CPU time since the start of what the limit holds together. Microseconds. */
  readonly usedMicroseconds: number;
  /** Path of the group that has the limit. Never in a sample. */
  readonly group: string;
}

/** Where this process's group is: mount point of the hierarchy, and the folder within it. Null where there is none. */
export function parseGroup(cgroup: string, mountinfo: string): { mount: string; group: string } | null {
  const path = /^0::(\/.*)$/m.exec(cgroup)?.[1];
  if (path === undefined) return null;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const fields = before!.split(' ');
    if (!after?.startsWith('cgroup2 ')) continue;
    const [root, mount] = [fields[3]!, fields[4]!];
    // In a container the mount may show a part of the hierarchy alone; what lies above it cannot be seen.
    const within = posix.relative(root, path);
    return { mount, group: within.startsWith('..') ? '' : within };
  }
  return null;
}

/** `cpu.max`: cores; null when there is no limit. */
export function parseCpuMax(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota! > 0 && period! > 0 ? quota! / period! : null;
}

/** Every group from this process's own to the top of what can be seen. */
function upwards(group: string): string[] {
  const parts = group === '' ? [] : group.split('/');
  return Array.from({ length: parts.length + 1 }, (_, dropped) => parts.slice(0, parts.length - dropped).join('/'));
}

/** The tightest of the limits that hold for this process; null when none does. */
export async function readContainerCpu(mount: string, group: string, read: ReadText): Promise<ContainerCpu | null> {
  let tightest: ContainerCpu | null = null;
  for (const path of upwards(group)) {
    const limit = await read(join(mount, path, 'cpu.max'));
    const cores = limit === null ? null : parseCpuMax(limit);
    if (cores === null || (tightest && tightest.cores <= cores)) continue;
    const usage = /^usage_usec (\d+)$/m.exec((await read(join(mount, path, 'cpu.stat'))) ?? '')?.[1];
    if (usage !== undefined) tightest = { cores, usedMicroseconds: Number(usage), group: path };
  }
  return tightest;
}

/**
 * Share of the memory limit in use, of the group that is nearest to its limit; null without a limit. File pages that the
 * kernel would drop first are not counted: a backup that reads files would always look full.
 */
export async function readContainerMemory(mount: string, group: string, read: ReadText): Promise<number | null> {
  let worst: number | null = null;
  for (const path of upwards(group)) {
    const limit = Number.parseInt((await read(join(mount, path, 'memory.max'))) ?? '', 10);
    const used = Number.parseInt((await read(join(mount, path, 'memory.current'))) ?? '', 10);
    if (!(limit > 0) || !(used >= 0)) continue;
    const reclaimable = Number(
      /^inactive_file (\d+)$/m.exec((await read(join(mount, path, 'memory.stat'))) ?? '')?.[1] ?? 0,
    );
    const share = Math.max(0, used - reclaimable) / limit;
    if (worst === null || share > worst) worst = share;
  }
  return worst;
}
