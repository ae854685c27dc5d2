import type { Sampler, SamplerReading } from '../../../../src/load/samplers/sampler';
import { createSamplerSet } from '../../../../src/load/samplers/sampler-set';
import { samplingError } from '../../../../src/errors/sampling';

const reading = (signals: SamplerReading['signals'], problems: SamplerReading['problems'] = []): SamplerReading => ({
  signals,
  problems,
});
const sampler = (source: string, sample: Sampler['sample']): Sampler => ({
  source,
  sample,
  close: () => Promise.resolve(),
});

test('each sampler gives a sample with its source and the time, side by side', async () => {
  const set = createSamplerSet(
    [
      sampler('host', () => Promise.resolve(reading({ hostCpu: 0.5 }))),
      sampler('postgres', () => Promise.resolve(reading({ sessionsActive: 3 }))),
    ],
    { now: () => 5_000 },
  );
  expect(set.sources).toEqual(['host', 'postgres']);
  expect(await set.sample()).toEqual({
    samples: [
      { at: 5_000, source: 'host', signals: { hostCpu: 0.5 } },
      { at: 5_000, source: 'postgres', signals: { sessionsActive: 3 } },
    ],
    failures: [],
  });
  await set.close();
});

test('one that fails, is denied or throws at once is named, skipped and counted; the rest goes on', async () => {
  const set = createSamplerSet(
    [
      sampler('a', () => Promise.reject(samplingError('SAMPLER_DENIED', 'not allowed'))),
      sampler('b', () => {
        throw new TypeError('a secret text');
      }),
      sampler('c', () => Promise.resolve(reading({ hostCpu: 0.1 }, [{ kind: 'failed', message: 'a part' }]))),
    ],
    { now: () => 1 },
  );
  const { samples, failures } = await set.sample();
  expect(samples.map(({ source }) => source)).toEqual(['c']);
  expect([...failures].sort((one, other) => one.source.localeCompare(other.source))).toEqual([
    { source: 'a', at: 1, kind: 'denied', message: 'not allowed' },
    { source: 'b', at: 1, kind: 'failed', message: 'an unexpected fault: TypeError' },
    { source: 'c', at: 1, kind: 'failed', message: 'a part' },
  ]);
  expect(set.counts()[2]).toEqual({
    source: 'c',
    rounds: 1,
    samples: 1,
    failures: { failed: 1, hung: 0, lied: 0, denied: 0 },
    hanging: false,
  });
  await set.close();
});

test('values that cannot be true are refused by name, and the others of the sample are kept', async () => {
  const set = createSamplerSet([
    sampler('a', () => Promise.resolve(reading({ hostCpu: Number.NaN, hostLoad: -1, hostMemory: 0.5 }))),
    sampler('b', () => Promise.resolve(reading({ hostCpu: 7 }))),
  ]);
  const { samples, failures } = await set.sample();
  expect(samples.map(({ signals }) => signals)).toEqual([{ hostMemory: 0.5 }]);
  expect(failures.map(({ kind }) => kind)).toEqual(['lied', 'lied']);
  expect(failures.find(({ source }) => source === 'a')!.message).toMatch(/hostCpu.*hostLoad/);
  await set.close();
});

test('one that hangs does not hold the others up, and is not started again while it hangs', async () => {
  let started = 0;
  let wake: (value: SamplerReading) => void = () => undefined;
  const set = createSamplerSet(
    [
      sampler('deaf', () => {
        started += 1;
        return new Promise((resolve) => (wake = resolve));
      }),
      sampler('host', () => Promise.resolve(reading({ hostCpu: 0.5 }))),
    ],
    { deadlineMs: 50 },
  );
  for (let round = 0; round < 3; round += 1) {
    const { samples, failures } = await set.sample();
    expect(samples).toHaveLength(1);
    expect(failures).toEqual([expect.objectContaining({ source: 'deaf', kind: 'hung' })]);
  }
  expect(started).toBe(1);
  expect(set.counts()[0]).toMatchObject({ hanging: true, failures: { hung: 3 } });
  wake(reading({ sessionsActive: 1 }));
  await new Promise(setImmediate);
  const again = set.sample();
  await new Promise(setImmediate);
  wake(reading({ sessionsActive: 2 }));
  // What came too late is not taken for the answer of the next round.
  expect((await again).samples.find(({ source }) => source === 'deaf')?.signals).toEqual({ sessionsActive: 2 });
  expect(started).toBe(2);
  await set.close();
});

test('the deadline reaches the sampler as an abort, so that one that obeys is free for the next round', async () => {
  let started = 0;
  const set = createSamplerSet(
    [
      sampler('slow', (signal) => {
        started += 1;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      }),
    ],
    { deadlineMs: 50 },
  );
  await set.sample();
  await new Promise(setImmediate);
  await set.sample();
  expect(started).toBe(2);
  await set.close();
});

test('an abort ends the round at once, with its reason, though a sampler does not obey', async () => {
  const set = createSamplerSet([sampler('deaf', () => new Promise(() => undefined))], { deadlineMs: 60_000 });
  const cancel = new AbortController();
  const round = set.sample(cancel.signal);
  cancel.abort(new Error('the run was cancelled'));
  await expect(round).rejects.toThrow('the run was cancelled');
  await expect(set.sample(cancel.signal)).rejects.toThrow('the run was cancelled');
  await set.close(10);
});

test('closing ends a round under way, closes every sampler once, and does not wait for one that hangs', async () => {
  let closed = 0;
  const set = createSamplerSet(
    ['a', 'b'].map((source) => ({
      source,
      sample: () => new Promise<SamplerReading>(() => undefined),
      close: () => {
        closed += 1;
        return source === 'a' ? Promise.reject(new Error('no')) : new Promise<void>(() => undefined);
      },
    })),
    { deadlineMs: 60_000 },
  );
  const round = set.sample();
  const ended = expect(round).rejects.toThrow('sampling has ended');
  await set.close(20);
  await set.close(20);
  await ended;
  expect(closed).toBe(2);
  await expect(set.sample()).rejects.toThrow('sampling has ended');
});

test('two samplers of one name are refused', () => {
  const one = () => sampler('host', () => Promise.resolve(reading({})));
  expect(() => createSamplerSet([one(), one()])).toThrow(expect.objectContaining({ code: 'SAMPLER_DOUBLE' }));
});
