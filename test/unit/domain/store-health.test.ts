import fc from 'fast-check';
import {
  faultOf,
  HEALTH_STATES,
  nextAverage,
  nextHealth,
  UNTRIED,
  worthOf,
  type Answer,
  type HealthState,
} from '../../../src/domain/store-health';
import { DEFAULT_WATCH_LIMITS as LIMITS } from '../../../src/domain/store-watch';

const fast: Answer = { ok: true, latencyMs: 40 };
const slow: Answer = { ok: true, latencyMs: 6_000 };
const none: Answer = { ok: false, latencyMs: null };

function run(answers: readonly Answer[], from: HealthState = 'healthy') {
  let average = UNTRIED;
  let state = from;
  return answers.map((answer) => {
    average = nextAverage(average, answer, LIMITS);
    state = nextHealth(state, average.share, LIMITS);
    return state;
  });
}

test.each<[string, readonly Answer[], readonly HealthState[]]>([
  ['one failure in good times is no change', [fast, none, fast], ['healthy', 'healthy', 'healthy']],
  ['two in a row degrade, three take it down', [none, none, none], ['healthy', 'degraded', 'down']],
  [
    'getting better takes more than getting worse',
    [none, none, none, fast, fast, fast],
    ['healthy', 'degraded', 'down', 'degraded', 'degraded', 'healthy'],
  ],
])('%s', (_, answers, states) => {
  expect(run(answers)).toEqual(states);
});

test('a store that only ever answers slowly is degraded, and never down', () => {
  const states = run(Array<Answer>(50).fill(slow));
  expect(states.at(-1)).toBe('degraded');
  expect(states).not.toContain('down');
});

test('a store that was down and answers slowly now is degraded, no longer down', () => {
  const states = run([...Array<Answer>(20).fill(none), ...Array<Answer>(50).fill(slow)]);
  expect(states[19]).toBe('down');
  expect(states.at(-1)).toBe('degraded');
});

test('the latency is that of good answers alone', () => {
  const average = [fast, none, { ok: true, latencyMs: 100 }].reduce(
    (at, answer) => nextAverage(at, answer, LIMITS),
    UNTRIED,
  );
  expect(average.latencyMs).toBeCloseTo(60);
});

test('between the limits and their margins a state stays what it is', () => {
  expect(nextHealth('healthy', 0.61, LIMITS)).toBe('healthy');
  expect(nextHealth('degraded', 0.69, LIMITS)).toBe('degraded');
  expect(nextHealth('degraded', 0.71, LIMITS)).toBe('healthy');
  expect(nextHealth('degraded', 0.31, LIMITS)).toBe('degraded');
  expect(nextHealth('down', 0.39, LIMITS)).toBe('down');
  expect(nextHealth('down', 0.99, LIMITS)).toBe('healthy');
});

const answer = fc.record({ ok: fc.boolean(), latencyMs: fc.option(fc.integer({ min: 0, max: 20_000 })) });

test('a better answer in place of another never makes the average or the state worse', () => {
  fc.assert(
    fc.property(
      fc.array(answer, { minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.constantFrom(...HEALTH_STATES),
      (answers, pick, from) => {
        const better = answers.map((one, index) => (index === pick % answers.length ? fast : one));
        const rank = (states: readonly HealthState[]) => states.map((state) => HEALTH_STATES.indexOf(state));
        const [was, is] = [rank(run(answers, from)), rank(run(better, from))];
        was.forEach((state, index) => expect(is[index]).toBeGreaterThanOrEqual(state));
      },
    ),
  );
});

test('the average stays between 0 and 1, whatever is answered', () => {
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 100 }), fc.integer({ min: 1, max: 100 }), (answers, window) => {
      let average = UNTRIED;
      for (const one of answers) average = nextAverage(average, one, { ...LIMITS, window });
      expect(average.share).toBeGreaterThanOrEqual(0);
      expect(average.share).toBeLessThanOrEqual(1);
    }),
  );
});

test('good answers alone always bring a store back to healthy, bad ones alone always take it down', () => {
  for (const from of HEALTH_STATES) {
    expect(run([...Array<Answer>(9).fill(none), ...Array<Answer>(30).fill(fast)], from).at(-1)).toBe('healthy');
    expect(run(Array<Answer>(30).fill(none), from).at(-1)).toBe('down');
  }
});

test('a slow answer is worth something between the two limits', () => {
  expect(worthOf(slow, LIMITS)).toBeGreaterThan(LIMITS.downBelow + LIMITS.recovery);
  expect(worthOf(slow, LIMITS)).toBeLessThan(LIMITS.degradedBelow);
});

test.each([
  ['STORE_UNREACHABLE', 'failed'],
  ['STORE_TIMEOUT', 'failed'],
  ['STORE_THROTTLED', 'failed'],
  ['STORE_CREDENTIALS_EXPIRED', 'failed'],
  ['STORE_FULL', 'failed'],
  ['REPO_NOT_INITIALISED', 'failed'],
  ['REPO_STORE_LAGGED', 'slow'],
  ['STORE_OBJECT_MISSING', null],
  ['RUN_NO_GOOD_COPY', null],
  ['PG_LOST', null],
  ['UNEXPECTED', null],
] as const)('%s says of the store: %s', (code, said) => {
  expect(faultOf(code)).toBe(said);
});
