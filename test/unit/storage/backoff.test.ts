import fc from 'fast-check';
import { storageError } from '../../../src/errors/storage';
import { backoffDelay, DEFAULT_BACKOFF, retrying } from '../../../src/storage/backoff';
import { ScriptedTiming } from './scripted-store';

describe('backoff', () => {
  it('spreads every delay over the whole span from zero to a bound that doubles up to a limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const delay = backoffDelay(DEFAULT_BACKOFF, attempt, random);
          const bound = Math.min(DEFAULT_BACKOFF.maxDelayMs, DEFAULT_BACKOFF.baseMs * 2 ** (attempt - 1));
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(bound);
          expect(delay).toBeCloseTo(random * bound);
        },
      ),
    );
  });

  it('tries as often as the policy says, and then gives the last error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(8), async (retries) => {
        const timing = new ScriptedTiming();
        let attempts = 0;
        const error = storageError('STORE_UNREACHABLE');
        const policy = { ...DEFAULT_BACKOFF, retries };
        const run = retrying(policy, timing, undefined, async (number) => {
          expect(number).toBe(++attempts);
          throw error;
        });
        await expect(run).rejects.toBe(error);
        expect(attempts).toBe(retries + 1);
      }),
    );
  });

  it('is more patient with a store that asks to slow down, and counts other failures apart', async () => {
    const timing = new ScriptedTiming(() => 0.1);
    const codes = [...Array(12).fill('STORE_THROTTLED'), 'STORE_TIMEOUT', 'STORE_THROTTLED', 'STORE_TIMEOUT'];
    const run = retrying({ ...DEFAULT_BACKOFF, retries: 2 }, timing, undefined, async (number) => {
      const code = codes[number - 1];
      if (code) throw storageError(code);
      return number;
    });
    expect(await run).toBe(16);
  });

  it('begins no attempt after the time is up', async () => {
    const timing = new ScriptedTiming(() => 0.99);
    const policy = { ...DEFAULT_BACKOFF, retries: 1000, maxElapsedMs: 60_000 };
    await expect(
      retrying(policy, timing, undefined, async () => {
        throw storageError('STORE_TIMEOUT');
      }),
    ).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    expect(timing.clock).toBeLessThanOrEqual(60_000);
    expect(timing.slept.length).toBeGreaterThan(5);
  });

  it.each(['STORE_ACCESS_DENIED', 'STORE_OBJECT_MISSING', 'STORE_FULL'] as const)(
    'does not repeat what cannot succeed: %s',
    async (code) => {
      let attempts = 0;
      const run = retrying(DEFAULT_BACKOFF, new ScriptedTiming(), undefined, async () => {
        attempts++;
        throw storageError(code);
      });
      await expect(run).rejects.toMatchObject({ code });
      expect(attempts).toBe(1);
    },
  );

  it('gives the reason of the signal, whatever the call failed with', async () => {
    const controller = new AbortController();
    const reason = new Error('stop');
    const run = retrying(DEFAULT_BACKOFF, new ScriptedTiming(), controller.signal, async () => {
      controller.abort(reason);
      throw storageError('STORE_TIMEOUT');
    });
    await expect(run).rejects.toBe(reason);
  });
});
