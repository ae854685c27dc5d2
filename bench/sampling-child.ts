/**
 * The samplers of one database at the rhythm of a running backup, in a process of its own so that its CPU is its own too.
 * Standard input: the URL of the server in the first line, then `on` and `off`; its end ends the process. Each word is
 * answered by a line when it is obeyed, the end by the figures as JSON.
 */
import { createInterface } from 'node:readline';
import { parseConnectionUrl } from '../src/config/connection-url';
import { samplingOf } from '../src/config/load-rules';
import { loadSchema } from '../src/config/load-schema';
import { createLoadSamplers } from '../src/load/samplers/create-samplers';

export interface SamplingFigures {
  /** CPU of this process while sampling, as a share of one core. */
  readonly cpuShare: number;
  /** Time that was sampled. Milliseconds. */
  readonly onMs: number;
  readonly rounds: number;
  readonly failures: number;
  /** When each round began, milliseconds since the epoch, and its wall time. */
  readonly roundAt: readonly number[];
  readonly roundMs: readonly number[];
  /** Different signals that were measured. */
  readonly signals: number;
}

async function main(): Promise<void> {
  const sampling = samplingOf(loadSchema.parse({}), {});
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { value: url } = (await lines.next()) as { value: string };
  const set = createLoadSamplers({
    sampling,
    target: () => Promise.resolve(parseConnectionUrl(url, 'bench')),
    secrets: () => Promise.reject(new Error('there are no secrets here')),
  });
  const roundAt: number[] = [];
  const roundMs: number[] = [];
  const signals = new Set<string>();
  let [failures, cpuMs, onMs] = [0, 0, 0];
  let stop: (() => Promise<void>) | null = null;

  const round = async (counted: boolean) => {
    const startedAt = performance.now();
    if (counted) roundAt.push(performance.timeOrigin + startedAt);
    const reading = await set.sample();
    if (counted) roundMs.push(performance.now() - startedAt);
    failures += reading.failures.length;
    for (const sample of reading.samples) Object.keys(sample.signals).forEach((name) => signals.add(name));
  };
  // Connecting, and what a process compiles once, is no part of the rhythm.
  for (let warm = 0; warm < 5; warm += 1) await round(false);
  process.stdout.write('ready\n');

  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    if (next.value === 'on' && !stop) stop = begin(sampling.every, () => round(true));
    if (next.value === 'off') {
      await stop?.();
      stop = null;
    }
    process.stdout.write('done\n');
  }
  await stop?.();
  const figures: SamplingFigures = {
    cpuShare: cpuMs / onMs,
    onMs,
    rounds: roundMs.length,
    failures,
    roundAt,
    roundMs,
    signals: signals.size,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  await set.close();

  /** Rounds until stopped, the first at once. */
  function begin(every: number, work: () => Promise<void>): () => Promise<void> {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    let ended = false;
    let wake = () => undefined as void;
    const running = (async () => {
      while (!ended) {
        const due = performance.now() + every;
        await work();
        if (ended) break;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.max(0, due - performance.now()));
          wake = () => (clearTimeout(timer), resolve());
        });
      }
    })();
    return async () => {
      ended = true;
      wake();
      await running;
      const { user, system } = process.cpuUsage(cpuBefore);
      cpuMs += (user + system) / 1_000;
      onMs += performance.now() - startedAt;
    };
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
