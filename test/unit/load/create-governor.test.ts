import fc from 'fast-check';
import { FULL_PACE, type Pace } from '../../../src/domain/pace';
import { createGovernor, type GovernorClock } from '../../../src/load/create-governor';
import type { Governor } from '../../../src/load/governor';

/** A clock that only moves when told to; callbacks fire in order of time. */
function handClock(): GovernorClock & { advance(ms: number): Promise<void> } {
  let now = 0;
  let pending: { readonly at: number; readonly run: () => void }[] = [];
  return {
    now: () => now,
    after(ms, run) {
      const entry = { at: now + ms, run };
      pending.push(entry);
      return () => void (pending = pending.filter((one) => one !== entry));
    },
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = [...pending].sort((a, b) => a.at - b.at)[0];
        if (!next || next.at > end) break;
        pending = pending.filter((one) => one !== next);
        now = next.at;
        next.run();
        await new Promise(setImmediate);
      }
      now = end;
      await new Promise(setImmediate);
    },
  };
}

const never = new AbortController().signal;
const pace = (sequence: number, changes: Partial<Pace>): Pace => ({ ...FULL_PACE, ...changes, sequence });

test('without a limit nobody waits', async () => {
  const governor = createGovernor();
  await governor.admit(1e9, never);
  expect(governor.pausedForMs()).toBe(0);
});

test('a pause holds readers back, a resume wakes them at once', async () => {
  const clock = handClock();
  const governor = createGovernor({ clock });
  governor.apply(pace(1, { paused: true }));
  let read = false;
  const reading = governor.admit(10, never).then(() => (read = true));
  await clock.advance(60_000);
  expect(read).toBe(false);
  expect(governor.pausedForMs()).toBe(60_000);
  governor.apply(pace(2, { paused: false }));
  await reading;
  expect(governor.pausedForMs()).toBe(0);
});

test('an older target changes nothing, and a longer pause counts from its beginning', async () => {
  const clock = handClock();
  const governor = createGovernor({ clock });
  expect(governor.apply(pace(5, { paused: true }))).toBe(true);
  await clock.advance(1_000);
  expect(governor.apply(pace(4, { paused: false }))).toBe(false);
  expect(governor.apply(pace(5, { paused: false }))).toBe(false);
  expect(governor.apply(pace(6, { paused: true, readers: 1 }))).toBe(true);
  await clock.advance(1_000);
  expect(governor.pausedForMs()).toBe(2_000);
});

test('what a rule asks for stays below the maximum from the start on, and a person passes it', () => {
  const governor = createGovernor({ clock: handClock(), maxBytesPerSecond: 1_000 });
  expect(governor.pace.maxBytesPerSecond).toBe(1_000);
  expect(governor.apply(pace(1, { maxBytesPerSecond: 400 }))).toBe(true);
  expect(governor.pace.maxBytesPerSecond).toBe(400);
  expect(governor.apply(pace(2, {}))).toBe(true);
  expect(governor.pace).toEqual(pace(2, { maxBytesPerSecond: 1_000 }));
  expect(governor.apply(pace(3, { maxBytesPerSecond: 5_000, setBy: 'ana' }))).toBe(true);
  expect(governor.pace.maxBytesPerSecond).toBe(5_000);
});

test('whoever waits is let go with the reason when its signal is aborted, and takes no tokens', async () => {
  const clock = handClock();
  const governor = createGovernor({ clock, pace: pace(1, { maxBytesPerSecond: 100 }) });
  await governor.admit(100, never);
  const stop = new AbortController();
  const waiting = governor.admit(1_000_000, stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  const next = governor.admit(1, never);
  await clock.advance(1_000);
  await next;
});

test('as many readers are inside as allowed, and a wider limit lets more in', async () => {
  const clock = handClock();
  const governor = createGovernor({ clock, pace: pace(1, { readers: 1 }) });
  const first = await governor.enterReader(never);
  let inside = 0;
  const others = [1, 2].map(() => governor.enterReader(never).then(() => (inside += 1)));
  await clock.advance(10);
  expect(inside).toBe(0);
  first.release();
  first.release();
  await clock.advance(10);
  expect(inside).toBe(1);
  governor.apply(pace(2, { readers: 2 }));
  await Promise.all(others);
  expect(inside).toBe(2);
});

test('over any window no more is admitted than rate × (window + burst) and the one read that overdraws', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1_000, max: 1_000_000 }),
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 50_000 }), idle: fc.integer({ min: 0, max: 2_000 }) }), {
        minLength: 5,
        maxLength: 60,
      }),
      async (rate, reads) => {
        const clock = handClock();
        const governor = createGovernor({ clock, pace: pace(1, { maxBytesPerSecond: rate }) });
        const admitted: { readonly at: number; readonly bytes: number }[] = [];
        for (const { bytes, idle } of reads) {
          await clock.advance(idle);
          const going = governor.admit(bytes, never).then(() => admitted.push({ at: clock.now(), bytes }));
          let done = false;
          void going.then(() => (done = true));
          for (let step = 0; !done; step += 1) {
            // Always released: the debt of one read is paid back within its own time.
            expect(step).toBeLessThan(10_000);
            await clock.advance(10);
          }
        }
        for (let from = 0; from < admitted.length; from += 1) {
          let sum = 0;
          for (let to = from; to < admitted.length; to += 1) {
            sum += admitted[to]!.bytes;
            const seconds = (admitted[to]!.at - admitted[from]!.at) / 1_000;
            // The read that overdraws, at the window's end; and one that waits is let in up to a look later.
            expect(sum - admitted[to]!.bytes).toBeLessThanOrEqual(rate * (seconds + 0.25) + 1 + rate * 0.011);
          }
        }
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

describe('places for uploads', () => {
  /** Begins an upload as soon as it may, and keeps it until it is told to end. */
  function uploader(governor: Governor, store: string, signal = never) {
    const upload = { inside: false, end: () => undefined as void };
    const going = governor.enterUpload(store, signal).then(({ release }) => {
      upload.inside = true;
      upload.end = release;
    });
    return { upload, going };
  }

  test('each store has as many as the pace says; a wider pace lets more in at once', async () => {
    const clock = handClock();
    const governor = createGovernor({ clock, pace: pace(1, { uploads: 1 }) });
    const [a1, a2, b1, b2] = ['a', 'a', 'b', 'b'].map((store) => uploader(governor, store));
    await clock.advance(1);
    expect([a1, a2, b1, b2].map((one) => one!.upload.inside)).toEqual([true, false, true, false]);
    a1!.upload.end();
    a1!.upload.end();
    await clock.advance(1);
    expect([a2, b2].map((one) => one!.upload.inside)).toEqual([true, false]);
    governor.apply(pace(2, { uploads: null }));
    await b2!.going;
  });

  test('in a pause those that run may end, and none begins before the pause does', async () => {
    const clock = handClock();
    const governor = createGovernor({ clock });
    const first = uploader(governor, 'a');
    await first.going;
    expect(governor.movingForMs()).toBe(Infinity);
    governor.apply(pace(1, { paused: true }));
    const next = uploader(governor, 'a');
    first.upload.end();
    await clock.advance(60_000);
    expect(next.upload.inside).toBe(false);
    expect(governor.movingForMs()).toBe(0);
    governor.apply(pace(2, { paused: false }));
    await next.going;
    await clock.advance(3_000);
    expect(governor.movingForMs()).toBe(3_000);
  });

  test('whoever waits and is aborted takes no place', async () => {
    const governor = createGovernor({ clock: handClock(), pace: pace(1, { uploads: 1 }) });
    const first = uploader(governor, 'a');
    await first.going;
    const stop = new AbortController();
    const waiting = governor.enterUpload('a', stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(governor.enterUpload('a', stop.signal)).rejects.toThrow('enough');
    const next = uploader(governor, 'a');
    first.upload.end();
    await next.going;
  });

  test('whatever is asked in whatever order, none begins beyond its place, and in the end all had their turn', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('begin' as const), store: fc.constantFrom('a', 'b') }),
      fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }),
      fc.record({ kind: fc.constant('abort' as const), which: fc.nat(20) }),
      fc.record({
        kind: fc.constant('pace' as const),
        uploads: fc.option(fc.integer({ min: 1, max: 4 })),
        paused: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = handClock();
        const governor = createGovernor({ clock });
        const inside = { a: 0, b: 0 };
        const running: (() => void)[] = [];
        const waiting = new Set<AbortController>();
        const all: Promise<unknown>[] = [];
        let began = 0;
        let aborted = 0;
        const begin = (store: 'a' | 'b') => {
          const stop = new AbortController();
          waiting.add(stop);
          const entered = governor.enterUpload(store, stop.signal);
          const going = entered.then(({ release }) => {
            waiting.delete(stop);
            began += 1;
            inside[store] += 1;
            expect(governor.pace.paused).toBe(false);
            expect(inside[store]).toBeLessThanOrEqual(governor.pace.uploads ?? Infinity);
            running.push(() => {
              inside[store] -= 1;
              release();
            });
          });
          all.push(
            going.catch((error: Error) => {
              if (error.message !== 'enough') throw error;
              aborted += 1;
            }),
          );
        };
        let asked = 0;
        for (const [index, one] of steps.entries()) {
          if (one.kind === 'begin') {
            asked += 1;
            begin(one.store);
          } else if (one.kind === 'end') running.splice(one.which, 1)[0]?.();
          else if (one.kind === 'abort') {
            const stop = [...waiting][one.which];
            if (stop) waiting.delete(stop);
            stop?.abort(new Error('enough'));
          } else governor.apply(pace(index + 1, { uploads: one.uploads, paused: one.paused }));
          await clock.advance(1);
        }
        governor.apply(pace(1_000, { uploads: 1 }));
        while (began + aborted < asked) {
          await clock.advance(1);
          expect(running.length > 0 || began + aborted === asked).toBe(true);
          running.splice(0).forEach((end) => end());
        }
        await Promise.all(all);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
