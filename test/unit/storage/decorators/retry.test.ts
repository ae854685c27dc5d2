import fc from 'fast-check';
import { withRetry } from '../../../../src/storage/decorators/retry';
import { ScriptedStore, ScriptedTiming, type Fault } from '../scripted-store';

const sha256 = 'ab'.repeat(32);
const body = Buffer.from('some bytes');
const setup = (...script: Fault[]) => {
  const inner = new ScriptedStore(script);
  return { inner, store: withRetry(inner, { timing: new ScriptedTiming() }) };
};

describe('a store with retries', () => {
  it('finds an object named by content whose answer was lost, without sending it again', async () => {
    const { inner, store } = setup('lost-answer');
    expect(await store.put(`segments/${sha256}`, body, { sha256 })).toEqual({ created: true });
    expect(inner.calls).toEqual([`put segments/${sha256}`, `head segments/${sha256}`, `get segments/${sha256}`]);
  });

  it('believes name and size alone only of a store that checks the checksum of what it takes', async () => {
    const { inner, store } = setup('lost-answer');
    inner.capabilities.serverChecksum = true;
    expect(await store.put(`segments/${sha256}`, body, { sha256 })).toEqual({ created: true });
    expect(inner.calls).toEqual([`put segments/${sha256}`, `head segments/${sha256}`]);
  });

  it.each([
    { createOnly: false, created: true },
    { createOnly: true, created: false },
  ])(
    'sends an object again that was stored damaged by an attempt without an answer (create-only: $createOnly)',
    async ({ createOnly, created }) => {
      const { inner, store } = setup('lost-answer');
      inner.damages = 1;
      expect(await store.put(`segments/${sha256}`, body, { sha256, createOnly })).toEqual({ created });
      expect(inner.objects.get(`segments/${sha256}`)).toBe(body);
      expect(inner.calls.map((call) => call.split(' ')[0])).toEqual(['put', 'head', 'get', 'put']);
    },
  );

  it('looks again when it could not read what an attempt without an answer had stored', async () => {
    const { inner, store } = setup('lost-answer', 'ok', 'STORE_TIMEOUT');
    inner.damages = 1;
    expect(await store.put(`segments/${sha256}`, body, { sha256 })).toEqual({ created: true });
    expect(inner.objects.get(`segments/${sha256}`)).toBe(body);
  });

  it('sends an object again that the store did not take', async () => {
    const { inner, store } = setup('STORE_UNREACHABLE');
    expect(await store.put(`segments/${sha256}`, body, { sha256, createOnly: true })).toEqual({ created: true });
    expect(inner.calls.map((call) => call.split(' ')[0])).toEqual(['put', 'head', 'put']);
  });

  it('replaces an object of that name whose size is wrong', async () => {
    const { inner, store } = setup('STORE_UNREACHABLE');
    inner.objects.set(`segments/${sha256}`, Buffer.from('short'));
    expect(await store.put(`segments/${sha256}`, body, { sha256 })).toEqual({ created: true });
    expect(inner.objects.get(`segments/${sha256}`)).toBe(body);
  });

  it('sends an object that is to be replaced again, although one of its name and size is there', async () => {
    const { inner, store } = setup('STORE_UNREACHABLE');
    const damaged = Buffer.from(body);
    damaged[0]! ^= 1;
    inner.objects.set(`segments/${sha256}`, damaged);
    expect(await store.put(`segments/${sha256}`, body, { sha256, replace: true })).toEqual({ created: true });
    expect(inner.objects.get(`segments/${sha256}`)).toBe(body);
    expect(inner.calls.map((call) => call.split(' ')[0])).toEqual(['put', 'put']);
  });

  it('never says twice that it created an object, whatever answers are lost', async () => {
    const fault = fc.constantFrom<Fault>('ok', 'lost-answer', 'STORE_UNREACHABLE', 'STORE_THROTTLED', 'STORE_CONFLICT');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 5 }), fc.array(fault, { maxLength: 5 }), async (a, b) => {
        const objects = new ScriptedStore();
        const creators = [a, b].map((script) => {
          const inner = new ScriptedStore([...script]);
          Object.assign(inner, { objects: objects.objects });
          return withRetry(inner, { timing: new ScriptedTiming() });
        });
        const results = await Promise.all(
          creators.map((store, i) => store.put('manifest', Buffer.from(`creator ${i}`), { createOnly: true })),
        );
        expect(results.filter(({ created }) => created).length).toBeLessThanOrEqual(1);
        expect(objects.objects.has('manifest')).toBe(true);
      }),
    );
  });

  it('puts an ordinary object again after a lost answer, since its name does not tell its content', async () => {
    const { inner, store } = setup('lost-answer');
    expect(await store.put('proof', body)).toEqual({ created: true });
    expect(inner.calls).toEqual(['put proof', 'put proof']);
  });

  it('goes on with a listing where it broke off, and gives no key twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom<Fault>('ok', 'ok', 'ok', 'STORE_TIMEOUT'), { maxLength: 60 }),
        async (script) => {
          const { inner, store } = setup(...script);
          for (let i = 0; i < 20; i++) inner.objects.set(`k/${String.fromCharCode(97 + i)}`, body);
          const seen: string[] = [];
          // A run of failures without a key between them may use the retries up: then it is the error, not a gap.
          try {
            for await (const { key } of store.list('k/')) seen.push(key);
            expect(seen).toEqual([...inner.objects.keys()]);
          } catch (error) {
            expect(error).toMatchObject({ code: 'STORE_TIMEOUT' });
            expect(seen).toEqual([...inner.objects.keys()].slice(0, seen.length));
          }
        },
      ),
    );
  });

  it('tells of each retry', async () => {
    const inner = new ScriptedStore(['STORE_TIMEOUT', 'STORE_THROTTLED']);
    const events: unknown[] = [];
    const metrics = { request: () => undefined, retry: (event: unknown) => void events.push(event) };
    await withRetry(inner, { timing: new ScriptedTiming(), metrics }).head('a');
    expect(events).toEqual([
      { store: 'scripted', operation: 'head', attempt: 1, code: 'STORE_TIMEOUT', delayMs: 250 },
      { store: 'scripted', operation: 'head', attempt: 2, code: 'STORE_THROTTLED', delayMs: 500 },
    ]);
  });
});
