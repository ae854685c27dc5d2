import { hasEnded, startTicks, statFields } from '../../../src/provision/process-identity';

/** `/proc/PID/stat` of a process whose name tries to look like the rest. */
const stat = (state: string, threads: number) =>
  `77 (a) Z (b) ${state} 1 77 77 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 ${threads} 0 8412798 0 0 0\n`;

test('the fields begin after the name, whatever it holds', () => {
  expect(statFields(stat('S', 5)).slice(0, 2)).toEqual(['S', '1']);
  expect(startTicks(stat('S', 5))).toBe('8412798');
  expect(startTicks('')).toBeNull();
});

test.each([
  ['a running process', 'R', 1, false],
  ['a process whose first thread has ended, while others hold its port', 'Z', 3, false],
  ['a process of which nothing is left but its entry', 'Z', 1, true],
])('%s (state %s, threads %i): ended is %s', (_name, state, threads, ended) => {
  expect(hasEnded(stat(state, threads))).toBe(ended);
});

test('nothing is known of a process without an entry', () => {
  expect(hasEnded('')).toBe(false);
});
