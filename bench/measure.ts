import { spawn } from 'node:child_process';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One measured run. */
export interface Sample {
  /** Wall time. */
  readonly ms: number;
  /** Bytes that were written to where the copy is kept; absent where nothing is kept. */
  readonly storedBytes?: number;
  /** Peak of the measured process's memory. */
  readonly rssBytes?: number;
  readonly facts?: Readonly<Record<string, number>>;
}

export interface Lane {
  readonly name: string;
  /** Before each run, outside of the measurement. */
  readonly prepare?: () => Promise<void>;
  readonly run: (round: number) => Promise<Sample>;
}

export interface LaneResult {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Runs all lanes one after another, round by round, so that a slow minute of the machine meets every lane alike. */
export async function interleave(
  lanes: readonly Lane[],
  rounds: number,
  say: (line: string) => void,
  /** `alternate`: every other round goes backwards, so that none always comes after the same one. */
  { alternate = false }: { readonly alternate?: boolean } = {},
): Promise<LaneResult[]> {
  const results = lanes.map((lane) => ({ name: lane.name, samples: [] as Sample[] }));
  for (let round = 1; round <= rounds; round += 1)
    for (let turn = 0; turn < lanes.length; turn += 1) {
      const index = alternate && round % 2 === 0 ? lanes.length - 1 - turn : turn;
      const lane = lanes[index]!;
      await lane.prepare?.();
      // What an earlier lane wrote must not be written back during this one.
      await shell('sync');
      const sample = await lane.run(round);
      results[index]!.samples.push(sample);
      say(`round ${round}/${rounds}  ${lane.name}: ${(sample.ms / 1000).toFixed(2)} s`);
    }
  return results;
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const medianMs = (result: LaneResult) => median(result.samples.map((sample) => sample.ms));

/** Runs a shell command to its end and returns its wall time; rejects with what it complained when it fails. */
export function shell(command: string, env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn('bash', ['-c', `set -euo pipefail; ${command}`], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-4000)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(performance.now() - startedAt);
      else reject(new Error(`${command}\nended with ${code}: ${complaint.trim()}`));
    });
  });
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true }).reduce((sum, name) => {
    const facts = lstatSync(join(folder, String(name)));
    return sum + (facts.isFile() ? facts.size : 0);
  }, 0);
}
