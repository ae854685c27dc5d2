import {
  parseCpu,
  parseDisks,
  parseLoad,
  parseMemoryUse,
  parseNetwork,
} from '../../../../../src/load/samplers/host/proc';

test('CPU ticks come from the line of all cores, without counting guests twice', () => {
  const stat =
    'cpu  100 5 20 800 40 1 2 7 50 0\ncpu0 50 2 10 400 20 0 1 3 25 0\ncpu1 50 3 10 400 20 1 1 4 25 0\nintr 1 2\n';
  expect(parseCpu(stat)).toEqual({ total: 975, idle: 800, ioWait: 40, cores: 2 });
});

test.each([[''], ['cpu0 1 2 3 4 5\n'], ['cpu  1 2 three 4 5\n'], ['cpu  1 2 3\n']])(
  'a text without CPU ticks gives nothing: %j',
  (text) => expect(parseCpu(text)).toBeNull(),
);

test('memory in use leaves out what the kernel would give back', () => {
  const meminfo = 'MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    6000 kB\n';
  expect(parseMemoryUse(meminfo)).toBe(0.25);
  expect(parseMemoryUse('MemTotal: 8000 kB\n')).toBeNull();
  expect(parseMemoryUse('')).toBeNull();
});

test('the load of the last minute is the first number', () => {
  expect(parseLoad('3.52 2.10 1.00 3/400 1234\n')).toBe(3.52);
  expect(parseLoad('')).toBeNull();
});

const disk = (name: string, read: number, written: number) =>
  `   8       0 ${name} 10 0 ${read} 5 20 0 ${written} 9 0 14 14 0 0 0 0\n`;

test('disks are counted once: neither their partitions nor the layers above them', () => {
  const text =
    disk('sda', 4, 2) + disk('sda1', 4, 2) + disk('nvme0n1', 1, 0) + disk('nvme0n1p2', 1, 0) +
    disk('dm-0', 4, 2) + disk('md127', 9, 9) + disk('loop3', 8, 0) + disk('mmcblk0', 2, 0) + disk('mmcblk0p1', 2, 0); // prettier-ignore
  expect(parseDisks(text)).toEqual({ sda: 6 * 512, nvme0n1: 512, mmcblk0: 2 * 512 });
});

test('a partition whose disk is not shown counts itself', () => {
  expect(parseDisks(disk('xvda1', 3, 1))).toEqual({ xvda1: 4 * 512 });
  expect(parseDisks('')).toEqual({});
});

test('interfaces are counted without loopback, bridges and the ends of containers', () => {
  const line = (name: string, received: number, sent: number) =>
    `${name}: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0\n`;
  const text =
    'Inter-|   Receive |  Transmit\n face |bytes packets\n' +
    line('    lo', 9, 9) + line('  eth0', 100, 11) + line('docker0', 5, 5) + line('veth12ab', 5, 5) +
    line('enp3s0', 1, 2) + line('eth0.100', 7, 7) + line(' bond0', 8, 8); // prettier-ignore
  expect(parseNetwork(text)).toEqual({ eth0: 111, enp3s0: 3 });
  expect(parseNetwork('')).toEqual({});
});
