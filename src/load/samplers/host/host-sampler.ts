/** The machine that this process runs on, and the limits of its container. */
import { readFile } from 'node:fs/promises';
import { cpus, freemem, loadavg, platform, totalmem } from 'node:os';
import { join } from 'node:path';
import { samplingError } from '../../../errors/sampling';
import { DeltaReader, type Counters, type Delta } from '../deltas';
import type { Sampler, Signals } from '../sampler';
import { parseGroup, readContainerCpu, readContainerMemory, type ReadText } from './cgroup';
import { parseCpu, parseDisks, parseLoad, parseMemoryUse, parseNetwork } from './proc';

export interface HostSamplerOptions {
  /** @default host */
  readonly source?: string;
  /**
   * Whether the database runs on this machine too; asked again with each reading. Where it does not, how busy the CPU is says
   * nothing about the database, so it is measured as `workerCpu` and `workerIoWait`. @default it does
   */
  readonly ofDatabase?: () => Promise<boolean>;
  /** Where Linux shows its figures. @default /proc */
  readonly procRoot?: string;
  /** Elsewhere than on Linux the figures of Node are used: no disks, no network, no limits. @default that of this machine */
  readonly platform?: NodeJS.Platform;
  /** Prepended to the mount point of the cgroups, for a host whose root is mounted into the container. @default none */
  readonly root?: string;
}

const MICROSECONDS = 1e6;

export function createHostSampler(options: HostSamplerOptions = {}): Sampler {
  const { source = 'host', ofDatabase = () => Promise.resolve(true), procRoot = '/proc', root = '' } = options;
  const linux = (options.platform ?? platform()) === 'linux';
  const rates = {
    cpu: new DeltaReader(),
    disks: new DeltaReader(),
    network: new DeltaReader(),
    container: new DeltaReader(),
  };

  const sampleLinux = async (signal: AbortSignal): Promise<Signals> => {
    const read: ReadText = (path) => readFile(path, { encoding: 'utf8', signal }).catch(() => null);
    const proc = async (name: string) => (await read(join(procRoot, name))) ?? '';
    const [stat, meminfo, load, diskstats, dev, cgroup, mountinfo] = await Promise.all(
      ['stat', 'meminfo', 'loadavg', 'diskstats', 'net/dev', 'self/cgroup', 'self/mountinfo'].map(proc),
    );
    signal.throwIfAborted();
    const cpu = parseCpu(stat!);
    const lastMinute = parseLoad(load!);
    const now = performance.now();
    const signals: Signals = {
      ...defined('hostMemory', parseMemoryUse(meminfo!)),
      ...defined('hostLoad', cpu && cpu.cores > 0 && lastMinute !== null ? lastMinute / cpu.cores : null),
      ...defined('diskBytesPerSecond', rateOfSum(rates.disks, now, parseDisks(diskstats!))),
      ...defined('networkBytesPerSecond', rateOfSum(rates.network, now, parseNetwork(dev!))),
    };
    if (cpu) {
      // The kernel's count of waiting may fall by itself, and idle with it: such a pair of readings gives nothing.
      const { total, idle, ioWait } = cpu;
      const delta = rates.cpu.advance('', now, { total, idle, ioWait });
      Object.assign(signals, cpuShares(delta));
    }
    const group = parseGroup(cgroup!, mountinfo!);
    if (group) {
      const mount = join(root, group.mount);
      const limit = await readContainerCpu(mount, group.group, read);
      if (limit) {
        const { cores, usedMicroseconds } = limit;
        const delta = rates.container.advance(`${limit.group} ${cores}`, performance.now(), { usedMicroseconds });
        if (delta) {
          const used = delta.grown.usedMicroseconds! / MICROSECONDS / delta.seconds / cores;
          // The limit is held over periods of 100 ms: two readings may catch a little more than it.
          signals.containerCpu = Math.min(1, used);
        }
      }
      Object.assign(signals, defined('containerMemory', await readContainerMemory(mount, group.group, read)));
    }
    return signals;
  };

  const sampleElsewhere = (): Signals => {
    const cores = cpus();
    const sum = (pick: (times: (typeof cores)[number]['times']) => number) =>
      cores.reduce((total, { times }) => total + pick(times), 0);
    const total = sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq);
    const delta = rates.cpu.advance(
      '',
      performance.now(),
      // Nobody tells the time of waiting apart here, so it is left out rather than called 0.
      { total, idle: sum(({ idle }) => idle) },
    );
    const { hostCpu } = cpuShares(delta);
    return {
      ...defined('hostCpu', hostCpu ?? null),
      hostMemory: 1 - freemem() / totalmem(),
      // Windows knows no load average and says 0.
      ...defined('hostLoad', platform() === 'win32' || cores.length === 0 ? null : loadavg()[0]! / cores.length),
    };
  };

  return {
    source,
    async sample(signal) {
      signal.throwIfAborted();
      const signals = linux ? await sampleLinux(signal) : sampleElsewhere();
      if (Object.keys(signals).length === 0 && linux)
        throw samplingError('SAMPLER_FAILED', 'the figures of the kernel cannot be read');
      const named = (await ofDatabase()) ? signals : asWorkers(signals);
      return { signals: { ...named, workerMemoryBytes: process.memoryUsage.rss() }, problems: [] };
    },
    close: () => Promise.resolve(),
  };
}

function cpuShares(delta: Delta | null): Pick<Signals, 'hostCpu' | 'hostIoWait'> {
  const total = delta?.grown.total ?? 0;
  if (!delta || total === 0) return {};
  const waited = delta.grown.ioWait ?? 0;
  const hostCpu = Math.min(1, Math.max(0, (total - delta.grown.idle! - waited) / total));
  return 'ioWait' in delta.grown ? { hostCpu, hostIoWait: Math.min(1, waited / total) } : { hostCpu };
}

function asWorkers({ hostCpu, hostIoWait, ...others }: Signals): Signals {
  return { ...others, ...defined('workerCpu', hostCpu ?? null), ...defined('workerIoWait', hostIoWait ?? null) };
}

/** Per second, all devices together; none that came or went in between. */
function rateOfSum(reader: DeltaReader, atMs: number, counters: Counters): number | null {
  const names = Object.keys(counters).sort();
  if (names.length === 0) return null;
  const delta = reader.advance(names.join(' '), atMs, counters);
  return delta && Object.values(delta.grown).reduce((sum, value) => sum + value, 0) / delta.seconds;
}

function defined(name: keyof Signals, value: number | null): Signals {
  return value === null ? {} : { [name]: value };
}
