import { isNew, noteRound, usualOf, type SeenRun } from '../../../src/activities/usual-load';
import { learntBaseline } from '../../../src/catalog/load-figures';
import type { LoadRollupRow, LoadSampleRow } from '../../../src/catalog/load-types';
import { usualAt } from '../../../src/domain/load/baseline';
import { DEFAULT_RULES } from '../../../src/domain/load/rules';
import type { LoadSample } from '../../../src/domain/load/signals';
import type { LoadSession } from '../../../src/load/watch-session';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
/** A Monday, 09:00 UTC. */
const NOW = Date.UTC(2026, 10, 23, 9);
const KEY = 'postgres/probeLatencyMs';
const RUN: SeenRun = { runId: 'run', backupId: 'backup', startedAt: NOW - 5_000, reads: true };
const session = (): LoadSession => ({
  samples: [],
  failures: [],
  round: () => Promise.reject(new Error('nobody measures here')),
  written: new Map(),
  known: new Map(),
  release: () => undefined,
});
const sample = (at: number, probeLatencyMs: number): LoadSample => ({
  at,
  source: 'postgres',
  signals: { probeLatencyMs, poolUse: 0.2 },
});
const hour = (start: number, median: number): LoadRollupRow => ({
  database: 'shop',
  grain: 'hour',
  start: new Date(start),
  source: 'postgres',
  busy: false,
  signals: { probeLatencyMs: { count: 120, min: 1, mean: median, max: 9, median, p90: median * 2 } },
});

/** A catalogue that counts how often it is asked. */
function catalog(rollups: readonly LoadRollupRow[], samples: readonly LoadSampleRow[] = []) {
  const asked = { times: 0 };
  return {
    asked,
    loadRollups: async () => ((asked.times += 1), rollups),
    loadSamples: async () => samples,
  };
}
const ask = (of: LoadSession, from: Parameters<typeof usualOf>[1], now = NOW) =>
  usualOf(of, from, 'shop', DEFAULT_RULES, RUN, now);

test('decisions compare with the very figures that reports show', async () => {
  const rollups = [1, 2, 3, 4].map((weeks) => hour(NOW - weeks * WEEK, weeks));
  const known = catalog(rollups);
  const usual = await ask(session(), known);
  const reported = await learntBaseline(known, { database: 'shop', timeZone: 'UTC', now: new Date(NOW) });
  expect(usual(KEY)).toEqual(usualAt(reported, KEY, NOW));
  expect(usual(KEY)).toMatchObject({ median: 2.5, p90: 5, sureness: 'high' });
  expect(usual('postgres/poolUse')).toBeNull();
});

test('the catalogue is asked once an hour, and again soon when it did not answer', async () => {
  const of = session();
  const known = catalog([hour(NOW - WEEK, 2), hour(NOW - 2 * WEEK, 2)]);
  await ask(of, null);
  await ask(of, known, NOW + 10_000);
  expect(known.asked.times).toBe(0);
  expect((await ask(of, known, NOW + 31_000))(KEY)).toMatchObject({ median: 2 });
  await ask(of, known, NOW + 3_000_000);
  expect(known.asked.times).toBe(1);
  await ask(of, known, NOW + HOUR + 400_000);
  expect(known.asked.times).toBe(2);
});

test('where too little was learnt, the samples shortly before count, kept and remembered ones once each', async () => {
  const of = session();
  const quick = [0, 1, 2, 3].map((index) => sample(NOW - 20_000 + index * 2_000, 10 + index));
  for (const one of quick) noteRound(of, { samples: [one] }, DEFAULT_RULES, null, one.at);
  expect(noteRound(of, { samples: [sample(NOW, 90)] }, DEFAULT_RULES, RUN, NOW)).toBe('backup');
  const kept = [{ ...quick[0]!, database: 'shop', backupId: null }];
  expect((await ask(of, catalog([], kept)))(KEY)).toBeNull();

  const fresh = session();
  for (const one of quick) noteRound(fresh, { samples: [one] }, DEFAULT_RULES, null, one.at);
  noteRound(fresh, { samples: [sample(NOW, 90)] }, DEFAULT_RULES, RUN, NOW);
  const more = [
    ...kept,
    { ...sample(NOW - 60_000, 14), database: 'shop', backupId: null },
    { ...sample(NOW - 50_000, 90), database: 'shop', backupId: 'an older backup' },
  ];
  expect((await ask(fresh, catalog([], more)))(KEY)).toEqual({ median: 12, p90: expect.closeTo(13.6) });
});

test('while nobody can say whether a backup reads, one that did is taken to read still', () => {
  const of = session();
  const at = (seconds: number) => NOW + seconds * 1_000;
  const round = (seconds: number, run: SeenRun | null | 'unknown') =>
    noteRound(of, { samples: [sample(at(seconds), 90)] }, DEFAULT_RULES, run, at(seconds));
  round(-2, null);
  round(0, RUN);
  // Temporal is away for three minutes.
  for (let seconds = 30; seconds <= 180; seconds += 30) expect(round(seconds, 'unknown')).toBe('backup');
  expect(round(210, null)).toBe('backup');
  expect(round(300, null)).toBeNull();
  expect(round(330, 'unknown')).toBeNull();
});

test('no sample teaches while a backup reads, nor in the minute after it', async () => {
  const of = session();
  const take = (at: number, value: number, run: SeenRun | null) =>
    noteRound(of, { samples: [sample(at, value)] }, DEFAULT_RULES, run, at);
  for (let index = 0; index < 6; index += 1) expect(take(NOW + index * 1_000, 5, null)).toBeNull();
  const begins = NOW + 6_000;
  // Admitted, but not reading yet: what is measured is still usual.
  expect(take(begins, 6, { ...RUN, reads: false })).toBeNull();
  for (let index = 1; index < 30; index += 1) expect(take(begins + index * 2_000, 80, RUN)).toBe('backup');
  const ends = begins + 58_000;
  expect(take(ends + 30_000, 70, null)).toBe('backup');
  expect(take(ends + 61_000, 5, null)).toBeNull();
  const usual = await ask(of, catalog([]), begins + 40_000);
  expect(usual(KEY)).toEqual({ median: 5, p90: expect.closeTo(5.4) });
});

test('a session measures quickly until it can tell what is usual', () => {
  const of = session();
  const rounds = [0, 1, 2, 3, 4].map((index) => {
    const quick = isNew(of);
    noteRound(of, { samples: [sample(NOW + index, 1)] }, DEFAULT_RULES, null, NOW + index);
    return quick;
  });
  expect(rounds).toEqual([true, true, true, true, true]);
  expect(isNew(of)).toBe(false);
});
