import { compareTurns, takeTurns, type Turn } from '../../../bench/standstill';

const TURN_MS = 4_000;
const turnsOf = (count: number): Turn[] =>
  Array.from({ length: count }, (_, index) => {
    const from = index * 2 * TURN_MS;
    return { from, still: from + TURN_MS, to: from + 2 * TURN_MS };
  });
/** One transaction every 10 ms, as slow as its time says. */
const transactions = (ms: number, slow: (at: number) => number) =>
  Array.from({ length: ms / 10 }, (_, index) => ({ at: index * 10, ms: slow(index * 10) }));

describe('a backup that goes on and stands still in turns', () => {
  const turns = turnsOf(6);
  const goes = (at: number) => at % (2 * TURN_MS) < TURN_MS;

  it('costs what its seconds are slower than the neighbouring ones, however the machine drifts', () => {
    const drift = (at: number) => 2 ** Math.floor(at / (2 * TURN_MS));
    const found = compareTurns(
      transactions(48_000, (at) => drift(at) * (goes(at) ? 3 : 2)),
      turns,
    )!;
    expect(found.pairs).toBe(6);
    expect(found.ratio).toBeCloseTo(1.5);
    expect(found.error).toBeCloseTo(0);
    expect(found.going.count).toBe(found.still.count);
  });

  it('is told with an error where the pairs differ', () => {
    const pair = (at: number) => Math.floor(at / (2 * TURN_MS));
    const found = compareTurns(
      transactions(48_000, (at) => (goes(at) && pair(at) % 2 === 0 ? 4 : 2)),
      turns,
    )!;
    expect(found.ratio).toBeCloseTo(Math.SQRT2);
    expect(found.error).toBeGreaterThan(0.1);
  });

  it('does not count what the turn before leaves behind', () => {
    const found = compareTurns(
      transactions(48_000, (at) => (at % TURN_MS < 200 ? 500 : 2)),
      turns,
    )!;
    expect([found.ratio, found.going.p99]).toEqual([1, 2]);
  });

  it('says nothing of fewer than two pairs', () => {
    expect(
      compareTurns(
        transactions(8_000, () => 1),
        turnsOf(1),
      ),
    ).toBeNull();
    expect(compareTurns([], turns)).toBeNull();
  });

  it('goes on in the end, also where a turn is cut short', async () => {
    const signals: string[] = [];
    const ended = new AbortController();
    const group = {
      add: () => undefined,
      remove: () => Promise.resolve(),
      signal: (name: string) => void signals.push(name),
    };
    const taking = takeTurns(group, ended.signal);
    ended.abort();
    expect(await taking).toEqual([]);
    expect(signals).toEqual(['SIGCONT']);
  });
});
