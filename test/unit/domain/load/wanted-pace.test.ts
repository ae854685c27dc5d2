import type { PaceDecision } from '../../../../src/domain/load/policy-types';
import { START_STATE } from '../../../../src/domain/load/policy-types';
import { overrideIn, wantedPace } from '../../../../src/domain/load/wanted-pace';
import { FULL_PACE, LOAD_WATCH, type Pace } from '../../../../src/domain/pace';

const NOW = 1_000_000;
const decision = (changes: Partial<PaceDecision> = {}): PaceDecision => ({
  target: { maxBytesPerSecond: null, readers: null, uploads: null, paused: false },
  changed: true,
  reasons: [{ code: 'free', text: 'all signals are within their limits' }],
  state: START_STATE,
  alerts: [],
  raised: [],
  snapshot: 'keep',
  deadline: null,
  validSignals: 2,
  ...changes,
});
const slow = { maxBytesPerSecond: 8e6, readers: 1, uploads: 1, paused: false };
const ana: Pace = { ...FULL_PACE, maxBytesPerSecond: 5e6, setBy: 'ana', reason: 'night batch', sequence: 3 };

test('a run that is as decided is told nothing, whatever the decision says of change', () => {
  expect(wantedPace(FULL_PACE, decision(), NOW)).toBeNull();
  expect(wantedPace({ ...FULL_PACE, ...slow, sequence: 4 }, decision({ target: slow }), NOW)).toBeNull();
});

test('what came between is put right, although nothing was decided anew', () => {
  const safe: Pace = { ...FULL_PACE, ...slow, reason: 'silent', sequence: 4 };
  expect(wantedPace(safe, decision({ changed: false }), NOW)).toMatchObject({
    maxBytesPerSecond: null,
    readers: null,
    uploads: null,
    setBy: LOAD_WATCH,
    reason: 'all signals are within their limits',
    sequence: NOW * 1_000,
  });
});

test('its sequence is above what is in force, also when that came from a clock that is ahead', () => {
  const ahead = { ...FULL_PACE, sequence: NOW * 5_000 };
  expect(wantedPace(ahead, decision({ target: slow }), NOW)?.sequence).toBe(NOW * 5_000 + 1);
});

test('a word of a person is the override of the policy, and nothing is told until it ends', () => {
  expect(overrideIn(ana, NOW)).toEqual({
    maxBytesPerSecond: 5e6,
    readers: null,
    uploads: null,
    paused: false,
    until: null,
    by: 'ana',
    why: 'night batch',
  });
  expect(wantedPace(ana, decision({ target: slow }), NOW)).toBeNull();
  const ended = { ...ana, until: NOW };
  expect(overrideIn(ended, NOW)).toBeNull();
  expect(wantedPace(ended, decision({ target: slow }), NOW)).toMatchObject(slow);
});

test('a snapshot that is to be given up is asked for once, with a pause, and the pause ends with the reason', () => {
  const given = wantedPace(FULL_PACE, decision({ snapshot: 'giveUp' }), NOW);
  expect(given).toMatchObject({ paused: true, giveUp: true });
  expect(wantedPace(given!, decision({ snapshot: 'giveUp' }), NOW)).toBeNull();
  const on = wantedPace(given!, decision(), NOW);
  expect(on).toMatchObject({ paused: false });
  expect(on).not.toHaveProperty('giveUp');
});

test('an emergency stop is passed by no word of a person, and stays until a person takes it back', () => {
  const stop = { since: NOW, by: 'bo', why: 'the site is down' };
  const stopped = decision({ target: { ...slow, paused: true } });
  const told = wantedPace(ana, stopped, NOW, stop);
  expect(told).toEqual({
    maxBytesPerSecond: 5e6,
    readers: null,
    uploads: null,
    paused: true,
    reason: 'emergency stop by bo: the site is down',
    setBy: 'bo',
    sequence: NOW * 1_000,
  });
  expect(wantedPace(told!, stopped, NOW + 5_000, stop)).toBeNull();
  expect(wantedPace({ ...ana, paused: true }, stopped, NOW, stop)).toBeNull();
  expect(wantedPace(ana, decision({ target: slow }), NOW, null)).toBeNull();
});
