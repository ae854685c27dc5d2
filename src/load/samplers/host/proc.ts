/** Reads the texts of Linux' /proc. Pure: text in, numbers out; null for what is not there. */

/** Clock ticks since the machine started, all cores together. */
export interface CpuTicks {
  readonly total: number;
  readonly idle: number;
  readonly ioWait: number;
  readonly cores: number;
}

/** `/proc/stat`. Time stolen by other guests counts as busy: nobody here could use it. */
export function parseCpu(stat: string): CpuTicks | null {
  const line = /^cpu\s+(.+)$/m.exec(stat);
  const cores = stat.match(/^cpu\d+\s/gm)?.length ?? 0;
  // user nice system idle iowait irq softirq steal; guest and guest_nice are counted in user and nice already.
  const ticks = line?.[1]!.trim().split(/\s+/).slice(0, 8).map(Number) ?? [];
  if (ticks.length < 5 || ticks.some((value) => !Number.isFinite(value) || value < 0)) return null;
  return { total: ticks.reduce((sum, value) => sum + value, 0), idle: ticks[3]!, ioWait: ticks[4]!, cores };
}

/** `/proc/meminfo`: share in use, without what the kernel would give back. */
export function parseMemoryUse(meminfo: string): number | null {
  const kibibytes = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo);
    return found ? Number(found[1]) : null;
  };
  const total = kibibytes('MemTotal');
  const available = kibibytes('MemAvailable');
  return total === null || total === 0 || available === null ? null : 1 - available / total;
}

/** `/proc/loadavg`: that of the last minute. */
export function parseLoad(loadavg: string): number | null {
  const load = Number.parseFloat(loadavg);
  return Number.isFinite(load) ? load : null;
}

const SECTOR = 512;
/** Layers above real disks (their traffic is counted below them) and disks without a device. */
const NO_DISK = /^(loop|ram|zram|dm-|md|sr|fd|nbd)/;

/** `/proc/diskstats`: bytes read and written since the start, by whole disk. */
export function parseDisks(diskstats: string): Readonly<Record<string, number>> {
  const bytes: Record<string, number> = {};
  for (const line of diskstats.split('\n')) {
    const [, , name, , , readSectors, , , , writtenSectors] = line.trim().split(/\s+/);
    const sum = (Number(readSectors) + Number(writtenSectors)) * SECTOR;
    if (name !== undefined && !NO_DISK.test(name) && Number.isFinite(sum)) bytes[name] = sum;
  }
  // A partition's traffic is its disk's too; a partition without its disk (some virtual machines) is counted itself.
  return Object.fromEntries(
    Object.entries(bytes).filter(([name]) => !wholeDisksOf(name).some((disk) => disk in bytes)),
  );
}

function wholeDisksOf(name: string): string[] {
  const plain = /^([a-z]+)\d+$/.exec(name)?.[1];
  const numbered = /^(.*\d)p\d+$/.exec(name)?.[1];
  return [plain, numbered].filter((disk) => disk !== undefined);
}

/** Bridges, tunnels and the inner ends of containers: what passes them passes a real interface too, or never leaves. */
const NO_WIRE = /^(lo$|veth|docker|br-|virbr|cni|flannel|cali|lxc|tap|tun|wg|dummy|ifb|kube|bond|team|vlan)|[.@]/;

/** `/proc/net/dev`: bytes received and sent since the start, by interface. */
export function parseNetwork(dev: string): Readonly<Record<string, number>> {
  const all: Record<string, number> = {};
  for (const line of dev.split('\n')) {
    const found = /^\s*([^\s:]+):\s*(.+)$/.exec(line);
    if (!found) continue;
    const fields = found[2]!.trim().split(/\s+/).map(Number);
    const sum = fields[0]! + fields[8]!;
    if (Number.isFinite(sum)) all[found[1]!] = sum;
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => !NO_WIRE.test(name)));
}
