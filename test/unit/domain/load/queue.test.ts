import fc from 'fast-check';
import { givesWayTo, queueOf, type HeavyOperation } from '../../../../src/domain/load/queue';

const operation = (id: string, changes: Partial<HeavyOperation> = {}): HeavyOperation => ({
  id,
  kind: 'backup',
  database: id,
  priority: 'normal',
  askedAt: 0,
  heldBack: null,
  ...changes,
});

test('a restore goes first, then critical work, then who asked first; a proof goes after backups', () => {
  const waiting = [
    operation('proof', { kind: 'verify' }),
    operation('late', { askedAt: 5 }),
    operation('early', { askedAt: 1 }),
    operation('low', { priority: 'low' }),
    operation('critical', { priority: 'critical', askedAt: 9 }),
    operation('restore', { kind: 'restore', priority: 'low', askedAt: 9 }),
  ];
  expect(queueOf(waiting, [], 2).map(({ operation: { id }, place }) => [id, place])).toEqual([
    ['restore', 0],
    ['critical', 0],
    ['early', 1],
    ['late', 2],
    ['proof', 3],
    ['low', 4],
  ]);
});

test('a restore starts beside backups and proofs, and waits for restores alone', () => {
  const restore = operation('r', { kind: 'restore' });
  const held = (kind: HeavyOperation['kind']) => [operation('x', { kind }), operation('y', { kind })];
  expect(queueOf([restore], held('backup'), 2)).toMatchObject([{ starts: true }]);
  expect(queueOf([restore], held('verify'), 2)).toMatchObject([{ starts: true }]);
  expect(queueOf([restore], held('restore'), 2)).toMatchObject([{ starts: false, text: 'waits for one of 2 places' }]);
  expect(queueOf([operation('b')], [...held('backup'), restore], 2)).toMatchObject([{ starts: false }]);
});

test('one that is held back keeps its turn and leaves its place to others', () => {
  const waiting = [
    operation('a', { heldBack: 'the impact breaker is open', priority: 'critical' }),
    operation('b'),
    operation('c'),
  ];
  expect(queueOf(waiting, [operation('x')], 2)).toMatchObject([
    { starts: false, place: 1, text: 'held back: the impact breaker is open' },
    { starts: true, text: 'starts now' },
    { starts: false, place: 2, text: 'waits for one of 2 places' },
  ]);
});

test('never more run at once than stated, nobody starts twice, and places are free of gaps', () => {
  const entry = fc.record({
    id: fc.constantFrom(...'abcdefgh'),
    kind: fc.constantFrom('backup' as const, 'restore' as const, 'verify' as const),
    database: fc.constant('d'),
    priority: fc.constantFrom('critical' as const, 'normal' as const, 'low' as const),
    askedAt: fc.nat(5),
    heldBack: fc.constantFrom(null, null, 'no'),
  });
  fc.assert(
    fc.property(
      fc.array(entry),
      fc.uniqueArray(entry, { selector: ({ id }) => id }),
      fc.integer({ min: 1, max: 4 }),
      (waiting, running, most) => {
        const queue = queueOf(waiting, running, most);
        const starts = queue.filter((place) => place.starts).map((place) => place.operation);
        const restores = (all: readonly HeavyOperation[]) => all.filter(({ kind }) => kind === 'restore').length;
        // Restores start beside others, and others only where there is room beside all that run.
        if (starts.some(({ kind }) => kind !== 'restore'))
          expect(starts.length).toBeLessThanOrEqual(most - running.length);
        expect(restores(starts)).toBeLessThanOrEqual(Math.max(0, most - restores(running)));
        expect(starts.every(({ id, heldBack }) => heldBack === null && !running.some((one) => one.id === id))).toBe(
          true,
        );
        expect(new Set(queue.map((place) => place.operation.id)).size).toBe(queue.length);
        expect(queue.filter((place) => !place.starts).map(({ place }) => place)).toEqual(
          queue.filter((place) => !place.starts).map((_, index) => index + 1),
        );
        // Somebody who may start waits only while all places are taken, a restore only while restores have them all.
        const left = queue.filter((place) => !place.starts && place.operation.heldBack === null);
        if (left.length > 0) expect(starts.length + running.length).toBeGreaterThanOrEqual(most);
        if (left.some(({ operation: { kind } }) => kind === 'restore'))
          expect(restores(starts) + restores(running)).toBeGreaterThanOrEqual(most);
      },
    ),
  );
});

test('a backup gives way to a restore and to critical work, not to a proof or to its like', () => {
  const running = (changes: Partial<HeavyOperation>) => [operation('me'), operation('orders', changes)];
  expect(givesWayTo(operation('me'), running({ kind: 'restore' }))).toBe('restore of orders');
  expect(givesWayTo(operation('me'), running({ priority: 'critical' }))).toBe('backup of orders');
  expect(givesWayTo(operation('me', { priority: 'low' }), running({ kind: 'verify' }))).toBeNull();
  expect(givesWayTo(operation('me'), running({}))).toBeNull();
  expect(givesWayTo(operation('me', { kind: 'restore' }), running({ priority: 'critical' }))).toBeNull();
});
