import { isLeftBehind } from '../../../../../src/cli/commands/load/emergency';
import { FULL_PACE } from '../../../../../src/domain/pace';

const paused = (reason: string) => ({ ...FULL_PACE, paused: true, setBy: 'ana', reason });
const waits = (kind: 'stop' | 'opening') => ({ reason: 'an emergency stop of ana stands: x', until: null, for: kind });

test.each([
  ['one that goes on', FULL_PACE, null, false],
  ['one that a stop has paused', paused('emergency stop: the site is down'), null, true],
  ['one that a person has paused', paused('month-end'), null, false],
  ['one that waits for the end of a stop', FULL_PACE, waits('stop'), true],
  ['one that waits for its window', FULL_PACE, waits('opening'), false],
])('what a stop that is over has left behind: %s', (_name, pace, waiting, left) => {
  expect(isLeftBehind({ pace, waiting })).toBe(left);
});
