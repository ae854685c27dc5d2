import { withMetrics } from '../../../src/storage/decorators/metrics';
import { tallied } from '../../../src/storage/tally';
import { createMemoryStore } from '../../support/memory-store';

const metrics = { request: () => undefined, retry: () => undefined };
const body = Buffer.alloc(100);

async function collect(entries: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const entry of entries) count += entry === null ? 0 : 1;
  return count;
}

describe('a tally', () => {
  it('counts requests as a provider charges them, by store', async () => {
    const [one, two] = ['one', 'two'].map((name) => withMetrics(createMemoryStore(name), metrics)) as [
      ReturnType<typeof withMetrics>,
      ReturnType<typeof withMetrics>,
    ];
    const sums = await tallied(async (tally) => {
      await one.put('a', body);
      await one.put('a', body, { createOnly: true });
      await one.get('a');
      await one.head('a');
      await collect(one.list(''));
      await one.delete(['a']);
      await two.head('b');
      await two.get('b').catch(() => undefined);
      return tally.all();
    });
    expect(sums).toEqual([
      { store: 'one', writes: 3, reads: 2, objects: 1, sentBytes: 100, receivedBytes: 100 },
      { store: 'two', writes: 0, reads: 2, objects: 0, sentBytes: 0, receivedBytes: 0 },
    ]);
  });

  it('counts a listing by its pages', async () => {
    const inner = createMemoryStore('many');
    for (let index = 0; index < 2_001; index++) await inner.put(`k${index}`, Buffer.alloc(1));
    const sums = await tallied(async (tally) => {
      expect(await collect(withMetrics(inner, metrics).list(''))).toBe(2_001);
      return tally.of('many');
    });
    expect(sums.writes).toBe(3);
  });

  it('keeps apart what runs side by side at the same store, through waits and callbacks', async () => {
    const store = withMetrics(createMemoryStore('shared'), metrics);
    const work = (puts: number) =>
      tallied(async (tally) => {
        await Promise.all(
          Array.from({ length: puts }, async (_, index) => {
            await new Promise((resolve) => setImmediate(resolve));
            await store.put(`${puts}-${index}`, body);
          }),
        );
        return tally.of('shared').objects;
      });
    expect(await Promise.all([work(3), work(7), work(1)])).toEqual([3, 7, 1]);
    await store.put('outside', body);
  });
});
