import { withTimeout } from '../../../src/storage/decorators/timeout';
import { probeStore } from '../../../src/storage/probe';
import { storageError } from '../../../src/errors/storage';
import { ScriptedStore } from './scripted-store';

describe('the probe of a store', () => {
  it('passes at a good store and leaves nothing', async () => {
    const store = new ScriptedStore();
    expect(await probeStore(store)).toMatchObject({ ok: true, code: null, message: '', kept: false });
    expect(store.objects.size).toBe(0);
    expect(store.calls.map((call) => call.split(' ')[0])).toEqual(['put', 'get', 'head', 'delete']);
  });

  it.each(['STORE_UNREACHABLE', 'STORE_THROTTLED', 'STORE_ACCESS_DENIED', 'STORE_FULL'] as const)(
    'tells %s of a write by its code, without rejecting',
    async (code) => {
      const result = await probeStore(new ScriptedStore([code]));
      expect(result).toMatchObject({ ok: false, code, kept: false });
      expect(result.message).not.toBe('');
      expect(result.hint).not.toBe('');
    },
  );

  it('keeps one canary where deleting is not permitted, however often it runs', async () => {
    const store = new ScriptedStore();
    store.delete = () => Promise.reject(storageError('STORE_CREDENTIAL_MISSING'));
    for (let round = 0; round < 3; round++)
      expect(await probeStore(store)).toMatchObject({ ok: true, kept: true, code: null });
    expect(store.objects.size).toBe(1);
  });

  it('fails when a delete fails for a reason that is a fault', async () => {
    const store = new ScriptedStore(['ok', 'ok', 'ok', 'STORE_SERVER_ERROR']);
    expect(await probeStore(store)).toMatchObject({ ok: false, code: 'STORE_SERVER_ERROR' });
  });

  it('catches a store that serves other bytes than it was given', async () => {
    const store = new ScriptedStore();
    const put = store.put.bind(store);
    store.put = (key, body) => put(key, Buffer.alloc(body.length));
    expect(await probeStore(store)).toMatchObject({ ok: false, code: 'STORE_CONTENT_MISMATCH' });
  });

  it('catches a store that takes a write and forgets it', async () => {
    const store = new ScriptedStore();
    store.put = () => Promise.resolve({ created: true });
    expect(await probeStore(store)).toMatchObject({ ok: false, code: 'STORE_CONTENT_MISMATCH' });
  });

  it('is not misled by another probe of the same host that replaces or deletes its canary', async () => {
    const store = new ScriptedStore();
    const other = new ScriptedStore();
    const put = store.put.bind(store);
    let first = true;
    store.put = async (key, body) => {
      const result = await put(key, body);
      if (first) store.objects.set(key, Buffer.from('of the other probe'));
      first = false;
      return result;
    };
    expect(await probeStore(store)).toMatchObject({ ok: true });
    expect(await probeStore(other)).toMatchObject({ ok: true });
    const results = await Promise.all(Array.from({ length: 20 }, () => probeStore(other)));
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('ends in its time at a store that hangs', async () => {
    const result = await probeStore(withTimeout(new ScriptedStore(['hang']), 60_000), { timeoutMs: 20 });
    expect(result).toMatchObject({ ok: false, code: 'STORE_TIMEOUT' });
  });

  it('rejects when it is cancelled', async () => {
    const store = new ScriptedStore(['hang']);
    const controller = new AbortController();
    const running = probeStore(store, { signal: controller.signal });
    while (store.calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('stop'));
    await expect(running).rejects.toThrow('stop');
  });
});
