import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rowCounts } from '../../../bench/generate';
import { folderBytes, interleave, median, shell, type LaneResult } from '../../../bench/measure';
import { parseBenchOptions } from '../../../bench/options';
import { goals, report } from '../../../bench/report';
import type { Results } from '../../../bench/results';

const lane = (name: string, ms: number, extra: object = {}): LaneResult => ({ name, samples: [{ ms, ...extra }] });
const about = { at: '2026-11-21T10:00:00Z', megabytes: 500, rounds: 5, loadBefore: 0.1 };
const results: Results = {
  machine: { machine: '2 cores' },
  full: {
    ...about,
    values: [
      lane('pg_dump -Fc -Z0 > /dev/null', 2000),
      lane('pg_dump | zstd -1 | age > file', 3200, { storedBytes: 5 }),
      lane('Holdfast, one S3 store', 2900, { rssBytes: 250 * 2 ** 20 }),
      lane('Holdfast, folder and two S3 stores', 4400, { rssBytes: 260 * 2 ** 20 }),
    ],
  },
};

describe('the bench', () => {
  it('takes the median, not the mean', () => {
    expect(median([5, 1, 100])).toBe(5);
    expect(median([4, 2])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('runs lanes interleaved, round by round', async () => {
    const order: string[] = [];
    const make = (name: string) => ({ name, run: async (round: number) => ({ ms: order.push(`${name}${round}`) }) });
    const measured = await interleave([make('a'), make('b')], 2, () => undefined);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b2']);
    expect(measured.map(({ samples }) => samples.length)).toEqual([2, 2]);
  });

  it('takes a pipeline for failed when any part of it failed', async () => {
    await expect(shell('false | cat')).rejects.toThrow(/ended with 1/);
    await expect(shell('true | cat > /dev/null')).resolves.toBeGreaterThan(0);
  });

  it('counts the bytes of files below a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
    try {
      await shell(`mkdir -p ${folder}/a/b && printf 12345 > ${folder}/a/b/c && printf 1 > ${folder}/d`);
      expect(folderBytes(folder)).toBe(6);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    expect(existsSync(folder)).toBe(false);
  });

  it('says for each goal what was measured and whether it is met', () => {
    expect(goals(results)).toEqual([
      { what: 'full, one S3 store, to the ceiling', goal: 'at most 1.50 ×', measured: '1.45 ×', met: true },
      {
        what: 'full, one S3 store, to the hand-written pipeline',
        goal: 'at most 1.00 ×',
        measured: '0.91 ×',
        met: true,
      },
      {
        what: 'full, folder and two S3 stores, to the ceiling',
        goal: 'at most 2.10 ×',
        measured: '2.20 ×',
        met: false,
      },
      { what: 'peak memory, 500 MB of database', goal: 'at most 300 MiB', measured: '250 MiB', met: true },
    ]);
  });

  it('judges the cost of sampling by CPU, and by what is lost around each sample with its uncertainty', () => {
    const values = {
      perSecond: 9_000,
      around: { lost: 0.004, error: 0.002, cycles: 60 },
      nothing: { lost: 0, error: 0.002, cycles: 60 },
      workerCpuShare: 0.004,
      serverCpuShare: 0.008,
      rounds: 9,
      roundMs: [4, 6, 5],
      signals: 25,
    };
    const sampling = { at: '2026-01-01T00:00:00Z', megabytes: 500, rounds: 5, loadBefore: 0.1, values };
    expect(goals({ sampling }).map(({ measured, met }) => [measured, met])).toEqual([
      ['1.20 %', false],
      ['0.40 % ± 0.40 %', true],
    ]);
    const unsure = { ...values, around: { ...values.around, error: 0.004 } };
    expect(goals({ sampling: { ...sampling, values: unsure } })[1]!.met).toBe(false);
    expect(report({ sampling })).toMatch(/one sample, middle \| 5.00 ms/);
  });

  it('writes a page with machine, goals and lanes', () => {
    const page = report(results);
    expect(page).toContain('| machine | 2 cores |');
    expect(page).toContain('| full, folder and two S3 stores, to the ceiling | at most 2.10 × | 2.20 × | **no** |');
    expect(page).toContain('| pg_dump \\| zstd -1 \\| age > file | 3.20 s | 1.60 × |');
    expect(page).toContain('5 rounds, 2026-11-21; load average before it 0.1');
  });

  it('makes half of the bytes one table, and more rows for a larger database', () => {
    expect(rowCounts(5000).big).toBe(rowCounts(500).big * 10);
    expect(rowCounts(500).small).toBeGreaterThan(100);
  });

  it('chooses sections, and leaves the large database out unless it is asked for', () => {
    expect(parseBenchOptions([], '/x')).toMatchObject({ sections: ['full', 'incremental', 'sweep', 'restore', 'network', 'copies', 'providers', 'sampling', 'impact', 'impact-apart', 'steer', 'idle-governed', 'day'], rounds: 5, megabytes: 500, quick: false }); // prettier-ignore
    expect(parseBenchOptions(['--large'], '/x')?.sections).toContain('large');
    expect(parseBenchOptions(['--only', 'large,full'], '/x')?.sections).toEqual(['full', 'large']);
    expect(parseBenchOptions(['--quick'], '/x')).toMatchObject({ rounds: 1, quick: true });
    expect(() => parseBenchOptions(['--only', 'fast'], '/x')).toThrow(/no section is named fast/);
    expect(parseBenchOptions(['--help'], '/x')).toBeNull();
  });
});
