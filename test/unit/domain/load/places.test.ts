import fc from 'fast-check';
import {
  asked,
  ended,
  givenBack,
  NO_PLACES,
  settled,
  stoppedBy,
  viewOf,
  type HeavyAsk,
  type Places,
} from '../../../../src/domain/load/places';

const ask = (id: string, changes: Partial<HeavyAsk> = {}): HeavyAsk => ({
  id,
  runId: `${id}-1`,
  kind: 'backup',
  database: id,
  priority: 'normal',
  askedAt: 1,
  ...changes,
});
const room = (atMost: number): Places => ({ ...NO_PLACES, atMost });
const ids = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id);
const all = (places: Places, ...asks: HeavyAsk[]) =>
  asks.reduce((now, one) => settled(asked(now, one), 5).places, places);

test('who asks gets a place while there is one, and waits in order otherwise', () => {
  const places = all(room(2), ask('a'), ask('b'), ask('c', { kind: 'verify' }), ask('d', { askedAt: 9 }));
  expect(ids(places.running)).toEqual(['a', 'b']);
  expect(places.running[0]!.since).toBe(5);
  expect(viewOf(places).waiting.map(({ id, place, text }) => [id, place, text])).toEqual([
    ['d', 1, 'waits for one of 2 places'],
    ['c', 2, 'waits for one of 2 places, behind the backup of d'],
  ]);
});

test('asking again changes nothing, neither for who holds nor for who waits', () => {
  const places = all(room(1), ask('a'), ask('b'));
  expect(all(places, ask('a'), ask('b'))).toEqual(places);
});

test('another run of the same id takes the place of the one that must have ended; a late word of that one does not', () => {
  const places = all(room(1), ask('a'), ask('a', { runId: 'a-2', askedAt: 7 }));
  expect(places.running).toMatchObject([{ runId: 'a-2' }]);
  expect(all(places, ask('a')).running).toMatchObject([{ runId: 'a-2' }]);
});

test('what was given back is free, whether it was held or waited for; an earlier asking gives back no later place', () => {
  const places = all(room(1), ask('a', { askedAt: 4 }), ask('b'));
  expect(givenBack(places, { id: 'a', runId: 'a-1', askedAt: 3 })).toBe(places);
  const free = settled(givenBack(places, { id: 'a', runId: 'a-1', askedAt: 4 }), 6);
  expect(ids(free.starts)).toEqual(['b']);
  expect(givenBack(places, { id: 'b', runId: 'b-1', askedAt: 1 }).waiting).toEqual([]);
});

test('a stop takes the places of proofs back, lets restores alone begin, and afterwards everybody has the old turn', () => {
  const before = all(room(2), ask('p', { kind: 'verify' }), ask('b'), ask('q', { kind: 'verify', askedAt: 2 }));
  const stopped = settled(stoppedBy(before, 'an emergency stop of ana stands: x'), 7);
  expect(ids(stopped.places.running)).toEqual(['b']);
  expect(stopped.starts).toEqual([]);
  const { places } = settled(asked(stopped.places, ask('r', { kind: 'restore', askedAt: 3 })), 8);
  expect(ids(places.running)).toEqual(['b', 'r']);
  expect(viewOf(places).waiting.every(({ text }) => text.startsWith('held back: an emergency stop'))).toBe(true);
  const after = settled(stoppedBy(ended(places, [ask('r')]), null), 9);
  expect(ids(after.starts)).toEqual(['p']);
});

const message = fc.record({
  what: fc.constantFrom('ask', 'ask', 'give', 'end', 'stop', 'go'),
  id: fc.constantFrom(...'abcdef'),
  run: fc.integer({ min: 1, max: 2 }),
  kind: fc.constantFrom('backup' as const, 'restore' as const, 'verify' as const),
  askedAt: fc.integer({ min: 1, max: 4 }),
});

test('whatever is said in whatever order: no id twice, no more than stated, and nobody waits while there is room', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (messages, atMost) => {
      let places = room(atMost);
      for (const { what, id, run, kind, askedAt } of messages) {
        const one = ask(id, { runId: `${id}-${run}`, kind, askedAt: askedAt + run * 10 });
        const before = places;
        if (what === 'ask') places = asked(places, one);
        else if (what === 'give') places = givenBack(places, one);
        else if (what === 'end') places = ended(places, [one]);
        else places = stoppedBy(places, what === 'stop' ? 'stop' : null);
        const result = settled(places, 1);
        places = result.places;
        const everyone = ids([...places.running, ...places.waiting]);
        expect(new Set(everyone).size).toBe(everyone.length);
        for (const started of result.starts) {
          if (started.kind === 'restore') continue;
          expect(places.running.length).toBeLessThanOrEqual(atMost);
          expect(places.stop).toBeNull();
        }
        expect(places.running.filter((held) => held.kind === 'restore').length).toBeLessThanOrEqual(atMost);
        if (places.stop !== null) expect(places.running.some((held) => held.kind === 'verify')).toBe(false);
        else if (places.running.length < atMost) expect(places.waiting).toEqual([]);
        // Said twice is said once.
        if (what === 'ask') expect(settled(asked(places, one), 1).places).toEqual(places);
        // Who holds a place loses it by a word of its own, its end, its successor, or a stop.
        if (what === 'go') expect(ids(places.running)).toEqual(expect.arrayContaining(ids(before.running)));
      }
    }),
  );
});

test('everybody who asks has a turn in the end', () => {
  fc.assert(
    fc.property(fc.uniqueArray(message, { selector: ({ id }) => id }), (messages) => {
      let places = all(room(1), ...messages.map(({ id, kind, askedAt }) => ask(id, { kind, askedAt })));
      const served: string[] = [];
      while (places.running.length > 0) {
        const [first] = places.running;
        served.push(first!.id);
        places = settled(givenBack(places, first!), 1).places;
      }
      expect(served.sort()).toEqual(ids(messages).sort());
    }),
  );
});
