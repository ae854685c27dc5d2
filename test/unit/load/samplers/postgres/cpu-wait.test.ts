import { meanWaitMs, parseSchedstat, startOf, type CpuTurns } from '../../../../../src/load/samplers/postgres/cpu-wait';

const backends = (...all: [pid: number, waited: number, turns: number][]): ReadonlyMap<number, CpuTurns> =>
  new Map(all.map(([pid, waited, turns]) => [pid, { waited, turns }]));

test('the kernel tells time on a CPU, waiting for one, and turns', () => {
  expect(parseSchedstat('5311826 2301174 17\n')).toEqual({ waited: 2_301_174, turns: 17 });
});

test.each(['', '0 0', '1 2 x', '1 -2 3'])('a kernel that does not count (%j) gives nothing', (text) => {
  expect(parseSchedstat(text)).toBeNull();
});

test('a process began so many ticks after its machine, whatever its name holds', () => {
  const stat = `77 (postgres: a ) b) S 1 77 77 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 4250 200000 900`;
  expect(startOf(stat, 'cpu 1 2\nbtime 1700000000\nprocesses 5\n')).toBe(1_700_000_042.5);
});

test.each([
  ['no such process', '', 'btime 1700000000\n'],
  ['no such machine', '77 (postgres) S 1 77 77 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 1 0 4250 200000 900', ''],
])('%s: nobody knows when it began', (_what, stat, machine) => {
  expect(startOf(stat, machine)).toBeNull();
});

test('the mean wait of a turn is of all backends together', () => {
  const before = backends([1, 1e6, 10], [2, 0, 0]);
  expect(meanWaitMs(before, backends([1, 31e6, 110], [2, 10e6, 100]))).toBe(0.2);
});

test('backends that came since, or whose number was given again, do not count', () => {
  const before = backends([1, 0, 0], [2, 9e9, 500]);
  expect(meanWaitMs(before, backends([1, 50e6, 100], [2, 1, 1], [3, 9e9, 900]))).toBe(0.5);
});

test('of few turns nothing is said', () => {
  expect(meanWaitMs(backends([1, 0, 0]), backends([1, 5e9, 99]))).toBeNull();
  expect(meanWaitMs(backends(), backends([1, 5e9, 1_000]))).toBeNull();
});
