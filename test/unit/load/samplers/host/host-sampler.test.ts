import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCpuMax, parseGroup } from '../../../../../src/load/samplers/host/cgroup';
import { createHostSampler } from '../../../../../src/load/samplers/host/host-sampler';
import type { Sampler } from '../../../../../src/load/samplers/sampler';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'hf-host-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const signal = new AbortController().signal;
const signals = async (sampler: Sampler) => (await sampler.sample(signal)).signals;

/** Files below the folder of the test. */
function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** Long enough for a rate. */
const aMoment = () => sleep(150);

const MACHINE = {
  'proc/stat': 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 0 0 0 0\ncpu1 1 0 0 0 0\n',
  'proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 400 kB\n',
  'proc/loadavg': '3.00 1.00 1.00 1/2 3\n',
  'proc/diskstats': '8 0 sda 1 0 100 0 1 0 100 0 0 0 0\n',
  'proc/net/dev': 'eth0: 1000 0 0 0 0 0 0 0 1000 0 0 0 0 0 0 0\n',
  'proc/self/cgroup': '0::/pod/app\n',
  'proc/self/mountinfo': '31 23 0:28 / /cgroup rw,relatime - cgroup2 cgroup2 rw\n',
  'cgroup/pod/cpu.max': '50000 100000\n',
  'cgroup/pod/cpu.stat': 'usage_usec 1000\nuser_usec 1\n',
  'cgroup/pod/memory.max': '1000000\n',
  'cgroup/pod/memory.current': '700000\n',
  'cgroup/pod/memory.stat': 'anon 1\ninactive_file 200000\n',
  'cgroup/pod/app/cpu.max': 'max 100000\n',
  'cgroup/pod/app/cpu.stat': 'usage_usec 500\n',
  'cgroup/pod/app/memory.max': 'max\n',
  'cgroup/pod/app/memory.current': '1\n',
};
const fixture = () => createHostSampler({ procRoot: join(root, 'proc'), root, platform: 'linux' });

test('the first sample gives what is true at an instant, the second the rates as well', async () => {
  put(MACHINE);
  const sampler = fixture();
  expect(await signals(sampler)).toEqual({
    hostMemory: 0.6,
    hostLoad: 1.5,
    containerMemory: 0.5,
    workerMemoryBytes: expect.any(Number) as number,
  });
  await aMoment();
  put({
    'proc/stat': 'cpu  140 0 120 730 110 0 0 0 0 0\ncpu0 1 0 0 0 0\ncpu1 1 0 0 0 0\n',
    'proc/diskstats': '8 0 sda 1 0 100 0 1 0 300 0 0 0 0\n',
    'proc/net/dev': 'eth0: 5000 0 0 0 0 0 0 0 1000 0 0 0 0 0 0 0\n',
    'cgroup/pod/cpu.stat': 'usage_usec 2000\n',
  });
  const second = await signals(sampler);
  expect(second.hostCpu).toBeCloseTo(0.6);
  expect(second.hostIoWait).toBeCloseTo(0.1);
  expect(second.diskBytesPerSecond! / second.networkBytesPerSecond!).toBeCloseTo((200 * 512) / 4_000);
  expect(second.containerCpu).toBeGreaterThan(0);
  expect(second.containerCpu).toBeLessThan(0.02);
});

test("where the database runs elsewhere, how busy this machine is counts as the worker's", async () => {
  put(MACHINE);
  const sampler = createHostSampler({
    procRoot: join(root, 'proc'),
    root,
    platform: 'linux',
    ofDatabase: async () => false,
  });
  await signals(sampler);
  await aMoment();
  put({ 'proc/stat': 'cpu  140 0 120 730 110 0 0 0 0 0\ncpu0 1 0 0 0 0\ncpu1 1 0 0 0 0\n' });
  const second = await signals(sampler);
  expect(second.workerCpu).toBeCloseTo(0.6);
  expect(second.workerIoWait).toBeCloseTo(0.1);
  expect(Object.keys(second)).not.toEqual(expect.arrayContaining(['hostCpu']));
  expect(Object.keys(second)).not.toEqual(expect.arrayContaining(['hostIoWait']));
});

test('counters that fell, and a disk that came, give no rate and no fault', async () => {
  put(MACHINE);
  const sampler = fixture();
  await signals(sampler);
  await aMoment();
  put({
    'proc/stat': 'cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1 0 0 0 0\n',
    'proc/diskstats': '8 0 sda 1 0 900 0 1 0 900 0 0 0 0\n8 0 sdb 1 0 9000 0 1 0 9000 0 0 0 0\n',
    'proc/net/dev': 'eth0: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n',
    'cgroup/pod/cpu.stat': 'usage_usec 1\n',
  });
  const second = await signals(sampler);
  for (const name of ['hostCpu', 'diskBytesPerSecond', 'networkBytesPerSecond', 'containerCpu'] as const)
    expect(second[name]).toBeUndefined();
  expect(second.hostMemory).toBe(0.6);
});

test('a machine without the unified hierarchy has no limits, and says the rest', async () => {
  put({ ...MACHINE, 'proc/self/cgroup': '9:name=systemd:/\n4:memory:/x\n' });
  const first = await signals(fixture());
  expect(first.hostMemory).toBe(0.6);
  expect(first.containerMemory).toBeUndefined();
});

test('kernel figures that cannot be read are a named failure', async () => {
  await expect(fixture().sample(signal)).rejects.toMatchObject({ code: 'SAMPLER_FAILED' });
});

test('the machine that the test runs on is measured with values that may be true', async () => {
  const sampler = createHostSampler();
  await signals(sampler);
  await aMoment();
  const { hostCpu, hostMemory, workerMemoryBytes } = await signals(sampler);
  expect(hostCpu).toBeGreaterThanOrEqual(0);
  expect(hostCpu).toBeLessThanOrEqual(1);
  expect(hostMemory).toBeGreaterThan(0);
  expect(workerMemoryBytes).toBeGreaterThan(1e6);
});

test('elsewhere than on Linux CPU and memory come from Node', async () => {
  const sampler = createHostSampler({ platform: 'darwin', procRoot: '/nowhere' });
  expect(Object.keys(await signals(sampler)).sort()).toEqual(['hostLoad', 'hostMemory', 'workerMemoryBytes']);
  await aMoment();
  const second = await signals(sampler);
  expect(second.hostCpu).toBeGreaterThanOrEqual(0);
  expect(second.hostIoWait).toBeUndefined();
});

test.each([
  ['150000 100000\n', 1.5],
  ['max 100000\n', null],
  ['', null],
  ['0 0', null],
])('cpu.max %j allows %p cores', (text, cores) => expect(parseCpuMax(text)).toBe(cores));

test.each([
  ['the root of a container', '0::/\n', '1 0 0:1 / /sys/fs/cgroup ro - cgroup2 c rw\n', '/sys/fs/cgroup', ''],
  ['a service of a host', '0::/system.slice/x\n', '1 0 0:1 / /sys/fs/cgroup rw - cgroup2 c rw\n', '/sys/fs/cgroup', 'system.slice/x'],
  ['a mount of a part', '0::/pod/app\n', '1 0 0:1 /pod /sys/fs/cgroup rw - cgroup2 c rw\n', '/sys/fs/cgroup', 'app'],
  ['a group outside of the mount', '0::/other\n', '1 0 0:1 /pod /sys/fs/cgroup rw - cgroup2 c rw\n', '/sys/fs/cgroup', ''],
  ['both hierarchies', '4:memory:/m\n0::/x\n', '1 0 0:1 / /a rw - cgroup c rw\n2 0 0:1 / /b rw shared:1 - cgroup2 c rw\n', '/b', 'x'],
])('%s: the group is found in its mount', (_, cgroup, mountinfo, mount, group) =>
  expect(parseGroup(cgroup, mountinfo)).toEqual({ mount, group }),
); // prettier-ignore

test.each([
  ['4:memory:/m\n', '1 0 0:1 / /a rw - cgroup2 c rw\n'],
  ['0::/x\n', '1 0 0:1 / /a rw - tmpfs c rw\n'],
  ['', ''],
])('without a unified hierarchy there is no group', (cgroup, mountinfo) =>
  expect(parseGroup(cgroup, mountinfo)).toBeNull(),
);
