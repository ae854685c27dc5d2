import fc from 'fast-check';
import { planRotation, type RotationCandidate, type RotationRules } from '../../../src/domain/rotation';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;

const copy = (backupId: string, store: string, changes: Partial<RotationCandidate> = {}): RotationCandidate => ({
  backupId,
  store,
  startedAt: NOW - DAY,
  state: 'complete',
  grade: null,
  triedAt: null,
  provedAt: null,
  sealedBytes: 1,
  ...changes,
});
const rules = (changes: Partial<RotationRules> = {}): RotationRules => ({
  stores: ['a', 'b', 'c'],
  lastTurn: {},
  down: [],
  newest: 3,
  maxAgeMs: 30 * DAY,
  now: NOW,
  ...changes,
});
const turnsOf = (candidates: readonly RotationCandidate[], changes: Partial<RotationRules> = {}) =>
  planRotation(candidates, rules(changes)).turns.map(({ candidate }) => `${candidate.backupId}@${candidate.store}`);

describe('whose turn it is', () => {
  test.each<[string, RotationCandidate[], Partial<RotationRules>, string[]]>([
    ['nothing without copies', [], {}, []],
    ['the store that never had a turn', [copy('1', 'a'), copy('1', 'b')], { lastTurn: { a: 5 } }, ['1@b', '1@a']],
    [
      'the store whose turn is longest ago',
      [copy('1', 'a'), copy('1', 'b')],
      { lastTurn: { a: 5, b: 3 } },
      ['1@b', '1@a'],
    ],
    ['the config decides between equals', [copy('1', 'b'), copy('1', 'a')], {}, ['1@a', '1@b']],
    [
      'the newest copy that was never proved',
      [copy('1', 'a', { startedAt: NOW - 2 * DAY }), copy('2', 'a'), copy('0', 'a', { triedAt: NOW - DAY })],
      {},
      ['2@a'],
    ],
    [
      'the oldest proof once all were proved',
      [copy('1', 'a', { triedAt: NOW - 2 * DAY }), copy('2', 'a', { triedAt: NOW - 3 * DAY })],
      {},
      ['2@a'],
    ],
    [
      'an overdue copy before one that was never proved',
      [copy('1', 'a', { startedAt: NOW - 50 * DAY, triedAt: NOW - 31 * DAY }), copy('2', 'a')],
      {},
      ['1@a'],
    ],
    ['a damaged copy takes part, so that it is healed', [copy('1', 'a', { state: 'damaged' })], {}, ['1@a']],
    [
      'copies that are not there do not',
      (['pending', 'copying', 'lost'] as const).map((state) => copy('1', 'a', { state })),
      {},
      [],
    ],
    [
      'only the newest backups',
      [copy('1', 'a', { startedAt: NOW - 5 * DAY }), copy('2', 'a', { triedAt: NOW }), copy('3', 'b')],
      { newest: 2 },
      ['2@a', '3@b'],
    ],
    ['a store that the config does not name has no turn', [copy('1', 'z')], {}, []],
  ])('%s', (_what, candidates, changes, expected) => expect(turnsOf(candidates, changes)).toEqual(expected));

  test('a store that is down keeps its place and holds up nobody', () => {
    const plan = planRotation([copy('1', 'a'), copy('1', 'b')], rules({ down: ['a'], lastTurn: { b: 1 } }));
    expect(plan.turns.map(({ candidate }) => candidate.store)).toEqual(['b']);
    expect(plan.skipped).toEqual(['a']);
    expect(plan.copies).toBe(2);
  });
});

/** Plays turns against a model of what the catalogue remembers. A turn may fail: it counts all the same. */
function play(options: {
  readonly stores: readonly string[];
  readonly backups: number;
  readonly newest: number;
  readonly turns: number;
  /** A new backup before every so many turns; 0 = never. */
  readonly every: number;
  readonly maxAgeTurns: number;
  readonly isDown: (store: string, turn: number) => boolean;
}) {
  const { stores, newest } = options;
  const copies = new Map<string, RotationCandidate>();
  const lastTurn: Record<string, number> = {};
  const log: { turn: number; copy: string; store: string }[] = [];
  let count = 0;
  const add = (at: number) => {
    count += 1;
    const backupId = String(count).padStart(6, '0');
    for (const store of stores) copies.set(`${backupId}@${store}`, copy(backupId, store, { startedAt: at }));
  };
  for (let index = 0; index < options.backups; index++) add(index - options.backups);
  for (let turn = 0; turn < options.turns; turn++) {
    if (options.every > 0 && turn % options.every === 0) add(turn);
    const down = stores.filter((store) => options.isDown(store, turn));
    const plan = planRotation([...copies.values()], {
      stores,
      lastTurn,
      down,
      newest,
      maxAgeMs: options.maxAgeTurns,
      now: turn,
    });
    const [first] = plan.turns;
    if (!first) continue;
    const { candidate } = first;
    const key = `${candidate.backupId}@${candidate.store}`;
    copies.set(key, { ...candidate, triedAt: turn });
    lastTurn[candidate.store] = turn;
    log.push({ turn, copy: key, store: candidate.store });
  }
  return { log, keys: [...copies.keys()] };
}

const storesOf = (count: number) => ['a', 'b', 'c', 'd'].slice(0, count);

test('every copy is tried within stores × backups turns, again and again, while nothing new comes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 60 }),
      (s, backups, maxAgeTurns) => {
        const bound = s * backups;
        const { log, keys } = play({
          stores: storesOf(s),
          backups,
          newest: backups,
          turns: 3 * bound,
          every: 0,
          maxAgeTurns,
          isDown: () => false,
        });
        for (const start of [0, bound, 2 * bound]) {
          const seen = new Set(log.slice(start, start + bound).map((entry) => entry.copy));
          expect(seen).toEqual(new Set(keys));
        }
      },
    ),
  );
});

test('a store that is up waits for no more turns than there are stores, whatever the others do', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 4 }),
      fc.infiniteStream(fc.boolean()),
      fc.integer({ min: 0, max: 3 }),
      (s, downs, every) => {
        const stores = storesOf(s);
        // Store a is always up; the others come and go.
        const down = new Map<string, boolean>();
        const isDown = (store: string, turn: number) => {
          if (store === 'a') return false;
          const key = `${store}/${turn}`;
          if (!down.has(key)) down.set(key, downs.next().value as boolean);
          return down.get(key)!;
        };
        const { log } = play({ stores, backups: 3, newest: 3, turns: 60, every, maxAgeTurns: 20, isDown });
        const turns = log.filter(({ store }) => store === 'a').map(({ turn }) => turn);
        expect(turns[0]).toBeLessThanOrEqual(s);
        for (const [index, turn] of turns.slice(1).entries()) expect(turn - turns[index]!).toBeLessThanOrEqual(s);
      },
    ),
  );
});

test('a copy that stays in rotation is tried in bounded time though new backups keep coming first', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 5, max: 40 }),
      (s, newest, every, maxAgeTurns) => {
        const stores = storesOf(s);
        const turns = 200;
        const { log } = play({ stores, backups: newest, newest, turns, every, maxAgeTurns, isDown: () => false });
        // It leaves rotation when `newest` backups came after it, so it stays for this many turns.
        const life = (newest - 1) * every;
        const bound = maxAgeTurns + s * newest + 1;
        if (life <= bound) return;
        const born = (key: string) => (Number(key.slice(0, 6)) - newest - 1) * every;
        const made = Math.floor((turns - bound - 1) / every);
        for (let count = newest + 1; count <= newest + made; count++)
          for (const store of stores) {
            const key = `${String(count).padStart(6, '0')}@${store}`;
            const first = log.find((entry) => entry.copy === key);
            expect(first === undefined ? Infinity : first.turn - born(key)).toBeLessThanOrEqual(bound);
          }
      },
    ),
  );
});
