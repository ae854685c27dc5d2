import { createLoadSessions } from '../../../src/load/watch-session';

const NOW = Date.UTC(2026, 10, 21);
const signal = new AbortController().signal;

afterEach(() => jest.restoreAllMocks());

test('samples of before the clock was set back are forgotten, and memory stays bounded', async () => {
  let now = NOW;
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  const closed: string[] = [];
  const sessions = createLoadSessions((database) => ({
    sample: () =>
      Promise.resolve({
        samples: [{ at: now, source: 'host', signals: { hostCpu: 0.1 } }],
        failures: [{ source: 'postgres', at: now, kind: 'failed', message: 'away' }],
      }),
    close: () => Promise.resolve(void closed.push(database)),
  }));
  const session = sessions.take('shop');
  for (let round = 0; round < 300; round++, now += 2_000) await session.round(signal);
  expect(session.samples.length).toBeLessThanOrEqual(76);
  now = NOW - 3_600_000;
  for (let round = 0; round < 300; round++, now += 2_000) await session.round(signal);
  expect(session.samples.length).toBeLessThanOrEqual(76);
  expect(session.failures.length).toBeLessThanOrEqual(76);
  expect(Math.max(...session.samples.map(({ at }) => at))).toBeLessThanOrEqual(now);
  session.release();
  await sessions.close();
  expect(closed).toEqual(['shop']);
});

test('whoever takes it soon after goes on with what was known', async () => {
  const sessions = createLoadSessions(() => ({
    sample: () => Promise.resolve({ samples: [{ at: Date.now(), source: 'host', signals: {} }], failures: [] }),
    close: () => Promise.resolve(),
  }));
  const first = sessions.take('shop');
  await first.round(signal);
  first.release();
  const second = sessions.take('shop');
  expect(second.samples).toHaveLength(1);
  second.release();
  await sessions.close();
});
