import { checkStore } from '../../../src/storage/check';
import { storageError } from '../../../src/errors/storage';
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

  it('writes nothing where it is refused before', async () => {
    const store = new ScriptedStore();
    const check = await checkStore(store, { before: () => Promise.reject(storageError('STORE_UNREACHABLE')) });
    expect(check.steps[0]).toMatchObject({ name: 'write', outcome: 'failed', error: { code: 'STORE_UNREACHABLE' } });
    expect(store.calls).toEqual([]);
  });

  it('keeps one canary, however often it runs, where this process has no credential for deleting', async () => {
    const store = new ScriptedStore();
    store.kind = 's3';
    store.delete = () => Promise.reject(storageError('STORE_CREDENTIAL_MISSING'));
    for (let round = 0; round < 3; round++) {
      const check = await checkStore(store);
      expect(check.ok).toBe(true);
      expect(check.steps.slice(-2).map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped']);
    }
    expect(store.objects.size).toBe(1);
  });

  it.each([
    [-120_000, "the clock of this machine is 120 s ahead of the store's"],
    [300_000, "the clock of this machine is 300 s behind the store's"],
  ])('finds clocks that differ by %i ms', async (shiftMs, detail) => {
    const store = new ScriptedStore();
    const head = store.head.bind(store);
    store.head = async (key) => {
      const info = await head(key);
      return info && { ...info, modifiedAt: new Date(Date.now() + shiftMs) };
    };
    const check = await checkStore(store);
    expect(check.ok).toBe(true);
    expect(check.findings.map((finding) => finding.about)).toEqual(['clock']);
    // Whole seconds, give or take the time that the check took.
    const seconds = Number(/(\d+) s/.exec(check.findings[0]!.detail)![1]);
    expect(Math.abs(seconds - Math.abs(shiftMs) / 1000)).toBeLessThan(30);
    expect(check.findings[0]!.detail.replace(/\d+/, '')).toBe(detail.replace(/\d+/, ''));
  });

  it('tells the skew of a clock for which the store refuses everything', async () => {
    const store = new ScriptedStore();
    store.put = () => Promise.reject(storageError('STORE_CLOCK_SKEW', '', { context: { skewSeconds: -1800 } }));
    const check = await checkStore(store);
    expect(check.ok).toBe(false);
    expect(check.findings).toMatchObject([{ about: 'clock', detail: expect.stringContaining('1800 s behind') }]);
  });
});
