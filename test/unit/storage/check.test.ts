import { checkStore } from '../../../src/storage/check';
import { withTimeout } from '../../../src/storage/decorators/timeout';
import { ScriptedStore } from './scripted-store';

const outcomes = async (store: ScriptedStore) =>
  Object.fromEntries((await checkStore(store)).steps.map(({ name, outcome }) => [name, outcome]));

describe('the check of a store', () => {
  it('passes at a good store, step by step, and leaves nothing', async () => {
    const store = new ScriptedStore();
    const check = await checkStore(store);
    expect(check.ok).toBe(true);
    expect(check.steps.map(({ name }) => name)).toEqual([
      'write',
      'head',
      'read',
      'range',
      'list',
      'create-only',
      'missing',
      'delete',
      'gone',
    ]);
    expect(store.objects.size).toBe(0);
  });

  it('catches a store that changes bytes, and one that ignores create-only', async () => {
    const store = new ScriptedStore();
    const put = store.put.bind(store);
    store.put = (key, body) => put(key, Buffer.concat([body.subarray(1), Buffer.from('x')]));
    expect(await outcomes(store)).toMatchObject({ read: 'failed', 'create-only': 'failed', list: 'ok', delete: 'ok' });
    expect(store.objects.size).toBe(0);
  });

  it('catches a store that does not delete', async () => {
    const store = new ScriptedStore();
    store.delete = async () => undefined;
    expect(await outcomes(store)).toMatchObject({ delete: 'ok', gone: 'failed' });
  });

  it('says why nothing could be written, and skips the rest', async () => {
    const check = await checkStore(new ScriptedStore(['STORE_ACCESS_DENIED']));
    expect(check.ok).toBe(false);
    expect(check.steps[0]).toMatchObject({ name: 'write', outcome: 'failed', error: { code: 'STORE_ACCESS_DENIED' } });
    expect(check.steps.slice(1).every(({ outcome }) => outcome !== 'ok')).toBe(true);
  });

  it('stops when it is cancelled, and still removes the canary', async () => {
    const store = new ScriptedStore(['ok', 'hang']);
    const controller = new AbortController();
    const running = checkStore(withTimeout(store, 60_000), { signal: controller.signal });
    while (store.calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('stop'));
    await expect(running).rejects.toThrow('stop');
    expect(store.objects.size).toBe(0);
  });
});
