import { withMetrics, type StoreRequestEvent } from '../../../../src/storage/decorators/metrics';
import { withRate } from '../../../../src/storage/decorators/rate';
import { withTimeout } from '../../../../src/storage/decorators/timeout';
import { ScriptedStore, ScriptedTiming } from '../scripted-store';

const body = Buffer.alloc(1000);
const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

describe('a store with limits', () => {
  it('never has more requests under way than allowed, and serves all of them', async () => {
    const inner = new ScriptedStore();
    const store = withRate(inner, { maxRequests: 3 });
    await Promise.all(keys(40).map((key, i) => (i % 2 ? store.put(key, body) : store.head(key))));
    expect(inner.mostAtOnce).toBe(3);
    expect(inner.calls).toHaveLength(40);
    expect(inner.calls.map((call) => call.split(' ')[1]).sort()).toEqual(keys(40).sort());
  });

  it('gives a place back when a request fails, and when one that waits is cancelled', async () => {
    const inner = new ScriptedStore(['hang', 'STORE_TIMEOUT']);
    const store = withRate(inner, { maxRequests: 1 });
    const first = store.head('first');
    const controller = new AbortController();
    const cancelled = store.head('cancelled', { signal: controller.signal });
    const failing = store.head('failing');
    const last = store.head('last');
    controller.abort(new Error('not any more'));
    await expect(cancelled).rejects.toThrow('not any more');
    inner.release();
    expect(await first).toBeNull();
    await expect(failing).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    expect(await last).toBeNull();
    expect(inner.calls).toEqual(['head first', 'head failing', 'head last']);
  });

  it('holds no place while the caller works on an entry of a listing', async () => {
    const inner = new ScriptedStore();
    for (const key of keys(3)) inner.objects.set(key, body);
    const store = withRate(inner, { maxRequests: 1 });
    for await (const { key } of store.list('')) expect((await store.get(key)).length).toBe(body.length);
  });

  it('sends no faster than the rate, however many puts are under way, and does not slow reads', async () => {
    const timing = new ScriptedTiming();
    const store = withRate(new ScriptedStore(), { maxRequests: 8, maxBytesPerSecond: 500, timing });
    for (const key of keys(6)) await store.put(key, body);
    // The first goes at once; each of the others waits for the two seconds of the one before.
    expect(timing.clock).toBe(10_000);
    for (const key of keys(6)) await store.get(key);
    expect(timing.clock).toBe(10_000);
  });

  it('takes no time for puts that were cancelled while they waited', async () => {
    const timing = new ScriptedTiming();
    const inner = new ScriptedStore();
    const store = withRate(inner, { maxRequests: 8, maxBytesPerSecond: 1000, timing });
    const controller = new AbortController();
    const cancelled = new Error('cancelled');
    const sleep = timing.sleep.bind(timing);
    // The first body that has to wait is cancelled in its wait, with all that queue behind it.
    timing.sleep = async () => {
      timing.sleep = sleep;
      controller.abort(cancelled);
      throw cancelled;
    };
    await store.put('sent', body);
    const waiting = keys(6).map((key) => store.put(key, body, { signal: controller.signal }));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : null))).toEqual(
      Array(6).fill(cancelled),
    );
    await store.put('next', body);
    // It waits for the one that was sent, and for nothing else.
    expect(timing.clock).toBe(1_000);
    expect(inner.calls).toEqual(['put sent', 'put next']);
  });
});

describe('a store with a timeout', () => {
  it('ends a request that hangs, and tells the adapter to stop', async () => {
    const inner = new ScriptedStore(['hang']);
    await expect(withTimeout(inner, 20).head('a')).rejects.toMatchObject({ code: 'STORE_TIMEOUT', retryable: true });
    expect(inner.running).toBe(0);
  });

  it('ends a request of an adapter that does not even listen', async () => {
    const deaf = new ScriptedStore();
    deaf.head = () => new Promise(() => undefined);
    await expect(withTimeout(deaf, 20).head('a')).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
  });

  it('passes a cancellation on at once, with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const running = withTimeout(new ScriptedStore(['hang']), 60_000).get('a', { signal: controller.signal });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  it('gives large bodies more time than small ones', async () => {
    const inner = new ScriptedStore(['hang']);
    const large = withTimeout(inner, 30).put('large', Buffer.alloc(40 * 1024 * 1024));
    await expect(large).rejects.toMatchObject({ code: 'STORE_TIMEOUT', context: { ms: 90 } });
  });

  it('ends a listing whose next page does not come', async () => {
    const inner = new ScriptedStore();
    inner.list = async function* () {
      yield { key: 'a', bytes: 1, modifiedAt: new Date(0) };
      await new Promise(() => undefined);
    };
    const seen: string[] = [];
    const listing = (async () => {
      for await (const { key } of withTimeout(inner, 20).list('')) seen.push(key);
    })();
    await expect(listing).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    expect(seen).toEqual(['a']);
  });
});

describe('a store with counters', () => {
  it('reports bytes, durations, errors and aborts of each request', async () => {
    const events: StoreRequestEvent[] = [];
    const metrics = { request: (event: StoreRequestEvent) => void events.push(event), retry: () => undefined };
    const inner = new ScriptedStore(['ok', 'ok', 'ok', 'STORE_TIMEOUT', 'hang']);
    const store = withMetrics(inner, metrics, new ScriptedTiming());
    await store.put('a', body, { createOnly: true });
    await store.put('a', body, { createOnly: true });
    await store.get('a');
    await store.head('a').catch(() => undefined);
    const controller = new AbortController();
    const aborted = store.head('a', { signal: controller.signal });
    controller.abort(new Error('stop'));
    await aborted.catch(() => undefined);
    for await (const _info of store.list('')) expect(_info.key).toBe('a');
    const row = (operation: string, outcome: string, code: string | null, sentBytes = 0, receivedBytes = 0) => ({
      store: 'scripted',
      operation,
      outcome,
      code,
      durationMs: 0,
      sentBytes,
      receivedBytes,
      requests: 1,
    });
    expect(events).toEqual([
      row('put', 'ok', null, 1000),
      row('put', 'ok', null),
      row('get', 'ok', null, 0, 1000),
      row('head', 'error', 'STORE_TIMEOUT'),
      row('head', 'aborted', null),
      row('list', 'ok', null),
    ]);
  });
});
