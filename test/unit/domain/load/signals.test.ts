import fc from 'fast-check';
import {
  checkSample,
  isSignalName,
  KNOWN_SIGNALS,
  signalFacts,
  validateSignal,
  type LoadSample,
  type SignalName,
} from '../../../../src/domain/load/signals';

const NOW = Date.UTC(2026, 10, 21, 12);
const sample = (signals: LoadSample['signals'], at = NOW): LoadSample => ({ at, source: 'host', signals });

test.each([
  ['hostCpu', Number.NaN, 'hostCpu is not a number'],
  ['hostCpu', '0.5', 'hostCpu is not a number'],
  ['hostCpu', null, 'hostCpu is not a number'],
  ['probeLatencyMs', Infinity, 'probeLatencyMs is infinite'],
  ['probeLatencyMs', -Infinity, 'probeLatencyMs is infinite'],
  ['sessionsActive', -1, 'sessionsActive is negative'],
  ['hostCpu', 1.5, 'hostCpu is a share above 1'],
  ['hostCpuu', 0.5, 'hostCpuu is not a signal'],
  ['prometheus:', 1, 'prometheus: is not a signal'],
  ['prometheus:Bad Name', 1, 'prometheus:Bad Name is not a signal'],
  ['toString', 1, 'toString is not a signal'],
])('%s = %p is refused: %s', (name, value, message) => {
  expect(validateSignal(name, value)).toBe(message);
});

test.each([
  ['hostCpu', 0],
  ['hostCpu', 1.004],
  ['hostLoad', 7.5],
  ['prometheus:rds_cpu', 83.2],
])('%s = %p may be true', (name, value) => {
  expect(validateSignal(name, value)).toBeNull();
});

test('a lying value costs itself alone, and is named', () => {
  const { sample: kept, failure } = checkSample(sample({ hostCpu: 1.004, hostLoad: Number.NaN, hostMemory: -0.2 }), {
    now: NOW,
  });
  expect(kept).toEqual(sample({ hostCpu: 1 }));
  expect(failure).toEqual({
    source: 'host',
    at: NOW,
    kind: 'lied',
    message: 'hostLoad is not a number, hostMemory is negative',
  });
});

test.each([
  [NOW + 60_000, 'the clock jumped: 60 s ahead'],
  [NOW - 600_000, 'the clock jumped: 600 s behind'],
  [Number.NaN, 'the time is not a time'],
])('a sample dated %p is refused whole', (at, message) => {
  expect(checkSample(sample({ hostCpu: 0.5 }, at), { now: NOW })).toMatchObject({
    sample: null,
    failure: { kind: 'lied', message },
  });
});

test('whatever a sampler answers, what is kept is finite, not negative, and a share at most 1', () => {
  const name = fc.oneof(fc.constantFrom(...KNOWN_SIGNALS), fc.string());
  const value = fc.oneof(fc.double(), fc.constantFrom(undefined, null, 'x', {}));
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.double(), (signals, at) => {
      const { sample: kept } = checkSample({ at, source: 's', signals: signals as never }, { now: NOW });
      for (const [key, number] of Object.entries(kept?.signals ?? {})) {
        expect(isSignalName(key)).toBe(true);
        expect(Number.isFinite(number)).toBe(true);
        expect(number).toBeGreaterThanOrEqual(0);
        if (signalFacts(key as SignalName).unit === 'share') expect(number).toBeLessThanOrEqual(1);
      }
    }),
  );
});
