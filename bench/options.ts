import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const SECTIONS = [
  'full',
  'incremental',
  'sweep',
  'restore',
  'network',
  'copies',
  'providers',
  'sampling',
  'impact',
  'impact-apart',
  'steer',
  'idle-governed',
  'day',
  'large',
] as const;
export type Section = (typeof SECTIONS)[number];

export interface BenchOptions {
  readonly sections: readonly Section[];
  /** Rounds of each lane; the median counts. */
  readonly rounds: number;
  /** Size of the generated database, about; megabytes. */
  readonly megabytes: number;
  /** Of the section `large`. */
  readonly largeMegabytes: number;
  /** Of the sections `impact` and `impact-apart`, beside the tables of pgbench: with them as much as a slow backup reads in some minutes. */
  readonly impactMegabytes: number;
  /** Of the sections in which a backup must last long enough to be steered. */
  readonly steeredMegabytes: number;
  readonly folder: string;
  /** For the files of what stands on machines of its own in life. @default `folder` */
  readonly elsewhere?: string;
  /** Figures for development: they are printed, and the results that are kept stay as they are. */
  readonly quick: boolean;
}

export const BENCH_USAGE = `Usage: npm run bench [-- --only full,incremental,…] [--rounds N] [--quick] [--large] [--folder DIR]

Measures Holdfast beside pg_dump, the pipeline that people write by hand, and restic, in the same run on the same
server, and writes bench/RESULTS.md.

  --only LIST     some of: ${SECTIONS.join(', ')}
  --rounds N      rounds of each lane (default 5)
  --large         the section large too: a database of 5 GB, for the peak of memory
  --quick         80 MB and one round, for development; bench/RESULTS.md is not written
  --folder DIR    working folder (default ./.holdfast/bench)`;

/** null when help is asked for; throws a plain Error when an argument is wrong. */
export function parseBenchOptions(argv: readonly string[], cwd: string): BenchOptions | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      size: { type: 'string' },
      large: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      folder: { type: 'string', default: '.holdfast/bench' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const asked = values.only?.split(',');
  const unknown = asked?.find((section) => !SECTIONS.includes(section as Section));
  if (unknown !== undefined) throw new Error(`no section is named ${unknown}; there are ${SECTIONS.join(', ')}`);
  const sections = SECTIONS.filter((section) =>
    asked ? asked.includes(section) : section !== 'large' || values.large,
  );
  return {
    sections,
    rounds: wholeNumber(values.rounds ?? (values.quick ? '1' : '5'), '--rounds'),
    megabytes: wholeNumber(values.size ?? (values.quick ? '80' : '500'), '--size'),
    largeMegabytes: values.quick ? 300 : 5_000,
    impactMegabytes: 20,
    steeredMegabytes: values.quick ? 150 : 700,
    folder: resolve(cwd, values.folder),
    quick: values.quick,
  };
}

function wholeNumber(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} is a whole number of at least 1, not ${text}`);
  return value;
}
