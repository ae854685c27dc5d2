import { createStoreMeter, teeStoreMetrics } from '../../../../src/load/samplers/store-meter';
import type { StoreRequestEvent } from '../../../../src/storage/decorators/metrics';

const signal = new AbortController().signal;
const put = (more: Partial<StoreRequestEvent> = {}): StoreRequestEvent => ({
  store: 'a',
  operation: 'put',
  outcome: 'ok',
  code: null,
  durationMs: 500,
  sentBytes: 1_000,
  receivedBytes: 0,
  requests: 1,
  ...more,
});

function metered() {
  let time = 0;
  const meter = createStoreMeter({ windowSeconds: 10, now: () => time });
  const sampler = meter.sampler('a');
  return {
    meter,
    at: (seconds: number) => (time = seconds * 1_000),
    read: async () => (await sampler.sample(signal)).signals,
  };
}

test('a store that nothing was sent to is not measured', async () => {
  const { read, at, meter } = metered();
  at(20);
  meter.metrics.request(put({ store: 'b' }));
  meter.metrics.request(put({ operation: 'get', receivedBytes: 9 }));
  expect(await read()).toEqual({});
});

test('rate and latency are those of the last ten seconds', async () => {
  const { read, at, meter } = metered();
  at(95);
  meter.metrics.request(put({ durationMs: 200 }));
  at(99);
  meter.metrics.request(put({ durationMs: 400, sentBytes: 4_000 }));
  at(100);
  expect(await read()).toEqual({ storeUploadBytesPerSecond: 500, storeLatencyMs: 300 });
  at(200);
  expect(await read()).toEqual({ storeUploadBytesPerSecond: 0 });
});

test('a long request counts with the part of it that lies within the window', async () => {
  const { read, at, meter } = metered();
  at(100);
  meter.metrics.request(put({ durationMs: 40_000, sentBytes: 40_000 }));
  expect((await read()).storeUploadBytesPerSecond).toBe(1_000);
});

test('soon after the start the rate is over the time that was watched', async () => {
  const { read, at, meter } = metered();
  at(2);
  meter.metrics.request(put({ sentBytes: 4_000 }));
  expect((await read()).storeUploadBytesPerSecond).toBe(2_000);
});

test('failed requests have no latency, and aborted ones are not the store’s', async () => {
  const { read, at, meter } = metered();
  at(50);
  meter.metrics.request(put({ outcome: 'error', sentBytes: 0 }));
  expect(await read()).toEqual({ storeUploadBytesPerSecond: 0 });
  meter.metrics.request(put({ outcome: 'aborted', sentBytes: 0, durationMs: 1 }));
  expect(await read()).toEqual({ storeUploadBytesPerSecond: 0 });
});

test('two listeners are told of every request and every retry', () => {
  const heard: string[] = [];
  const listener = (name: string) => ({
    request: ({ store }: StoreRequestEvent) => void heard.push(`${name} ${store}`),
    retry: () => void heard.push(`${name} retry`),
  });
  const both = teeStoreMetrics(listener('one'), listener('two'));
  both.request(put());
  both.retry({ store: 'a', operation: 'put', attempt: 1, code: 'X', delayMs: 1 });
  expect(heard).toEqual(['one a', 'two a', 'one retry', 'two retry']);
});

describe('the dump of a database in another process', () => {
  const dump = (elapsedMs: number, bytesPerSecond: number, latencyMs: number | null = 20) => ({
    attempt: 1,
    elapsedMs,
    stores: { a: { bytesPerSecond, latencyMs } },
  });
  const reading = async (meter: ReturnType<typeof createStoreMeter>, database: string) =>
    (await meter.sampler('a', database).sample(signal)).signals;

  test('is measured by what it tells, and only for its own database', async () => {
    const { meter, at } = metered();
    at(100);
    meter.hear('shop', dump(1_000, 5_000));
    expect(await reading(meter, 'shop')).toEqual({ storeUploadBytesPerSecond: 5_000, storeLatencyMs: 20 });
    expect(await reading(meter, 'other')).toEqual({});
    meter.hear('shop', dump(1_250, 0, null));
    expect(await reading(meter, 'shop')).toEqual({ storeUploadBytesPerSecond: 0 });
  });

  test('is believed no longer than the window when its progress stands still', async () => {
    const { meter, at } = metered();
    at(100);
    meter.hear('shop', dump(1_000, 5_000));
    at(108);
    meter.hear('shop', dump(1_000, 5_000));
    at(111);
    expect(await reading(meter, 'shop')).toEqual({});
    meter.hear('shop', dump(9_000, 7_000));
    expect(await reading(meter, 'shop')).toMatchObject({ storeUploadBytesPerSecond: 7_000 });
  });

  test('of an earlier release tells nothing of stores: what this process sent counts', async () => {
    const { meter, at } = metered();
    at(100);
    meter.metrics.request(put({ sentBytes: 10_000 }));
    meter.hear('shop', { attempt: 1, elapsedMs: 5 });
    expect(await reading(meter, 'shop')).toEqual({ storeUploadBytesPerSecond: 1_000, storeLatencyMs: 500 });
    expect(meter.figures(['a', 'b'])).toEqual({ a: { bytesPerSecond: 1_000, latencyMs: 500 } });
  });
});
