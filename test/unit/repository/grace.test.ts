import { askEach } from '../../../src/repository/grace';
import { createMemoryStore } from '../../support/memory-store';

const [fast, slow] = [createMemoryStore('fast'), createMemoryStore('slow')];
const never = new Promise<never>(() => {});

describe('asking several stores', () => {
  it('gives up a store that does not answer when another has, even one that ignores the signal', async () => {
    const answers = await askEach([slow, fast], { graceMs: 20 }, (store) =>
      store === slow ? never : Promise.resolve(1),
    );
    expect(answers).toMatchObject([
      { store: { name: 'slow' }, ok: false, error: { code: 'REPO_STORE_LAGGED' } },
      { store: { name: 'fast' }, ok: true, result: 1 },
    ]);
  });

  it('waits for the last one while nobody else has an answer, failures aside', async () => {
    let release = (_: number) => {};
    const late = new Promise<number>((resolve) => (release = resolve));
    setTimeout(() => release(2), 60);
    const answers = await askEach([slow, fast], { graceMs: 5 }, (store) =>
      store === slow ? late : Promise.reject(new Error('refused')),
    );
    expect(answers).toMatchObject([
      { ok: true, result: 2 },
      { ok: false, error: { message: 'refused' } },
    ]);
  });

  it('ends at once with the reason of whoever cancels', async () => {
    const stop = new AbortController();
    const asked = askEach([slow, fast], { signal: stop.signal }, () => never);
    stop.abort(new Error('cancelled by a test'));
    await expect(asked).rejects.toThrow('cancelled by a test');
  });
});
