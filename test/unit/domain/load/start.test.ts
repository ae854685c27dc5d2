import { CLOSED, type Breaker } from '../../../../src/domain/breaker';
import { DEFAULT_RULES, type LoadRules } from '../../../../src/domain/load/rules';
import { mayBegin } from '../../../../src/domain/load/start';

const at = (time: string) => Date.parse(`2026-11-21T${time}:00Z`);
const NIGHT: LoadRules = { ...DEFAULT_RULES, windows: [{ days: [], from: '22:00', to: '05:00' }] };
const open = (time: string): Breaker => ({ state: 'open', failures: 3, goodTrials: 0, openedAt: at(time) });
const facts = { rules: DEFAULT_RULES, breaker: null, emergencyStop: null, now: at('12:00') };

test('with no windows, nothing protected and a breaker that nobody knows of, it may start', () => {
  expect(mayBegin(facts)).toEqual({ wait: null, trial: null });
  expect(mayBegin({ ...facts, breaker: CLOSED })).toEqual({ wait: null, trial: null });
});

test('outside of its windows it waits for the next one, and says which they are', () => {
  expect(mayBegin({ ...facts, rules: NIGHT }).wait).toEqual({
    reason: 'outside of its windows (daily 22:00–05:00, UTC)',
    until: at('22:00'),
    strict: false,
  });
  expect(mayBegin({ ...facts, rules: NIGHT, now: at('23:00') }).wait).toBeNull();
});

test('in a protected time it waits for its end', () => {
  const booking = { days: [], from: '11:00', to: '13:30', name: 'booking', action: 'noStart' as const };
  const { wait } = mayBegin({ ...facts, rules: { ...DEFAULT_RULES, protected: [booking] } });
  expect(wait).toMatchObject({ reason: 'booking is protected (daily 11:00–13:30, UTC)', until: at('13:30') });
});

test('an open breaker is waited for as long as it stays open; then the run is its trial, at the lowest pace', () => {
  expect(mayBegin({ ...facts, breaker: open('11:58') }).wait).toMatchObject({ until: at('12:03'), strict: false });
  const { wait, trial } = mayBegin({ ...facts, breaker: open('11:55') });
  expect(wait).toBeNull();
  expect(trial).toEqual({ maxBytesPerSecond: DEFAULT_RULES.minBytesPerSecond, readers: 1, uploads: 1 });
  expect(mayBegin({ ...facts, breaker: { ...CLOSED, state: 'half-open' } }).trial).not.toBeNull();
});

test('of two reasons the longer decides until when, and both are said', () => {
  const { wait, trial } = mayBegin({ ...facts, rules: NIGHT, now: at('21:59'), breaker: open('21:59') });
  expect(wait!.until).toBe(at('22:04'));
  expect(wait!.reason).toMatch(/^outside of its windows .*; the impact breaker is open/);
  expect(trial).toBeNull();
});

test('an emergency stop beats all of it, has no end that anybody knows, and nobody starts a run before', () => {
  const emergencyStop = { since: 0, by: 'ana', why: '' };
  expect(mayBegin({ ...facts, rules: NIGHT, breaker: open('11:59'), emergencyStop }).wait).toEqual({
    reason: 'an emergency stop of ana stands: no reason given',
    until: null,
    strict: true,
  });
});

test('windows that never open have no end that anybody knows', () => {
  const always = { days: [], from: '00:00', to: '24:00', name: 'always', action: 'noStart' as const };
  expect(mayBegin({ ...facts, rules: { ...DEFAULT_RULES, protected: [always] } }).wait!.until).toBeNull();
});
