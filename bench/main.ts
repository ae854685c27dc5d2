import { rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { Supervisor } from '../src/provision';
import { APART_FOLDER, elsewhereFolder, leaveServerAlone, shareAgain } from './apart';
import { clearFolder, describeMachine, openBench } from './bench';
import { measureCopies } from './copies';
import { DAY_STARTS, measureDay, QUICK_STARTS } from './day';
import { readRecording } from './day/recording';
import { measureFull } from './full';
import { generate } from './generate';
import { measureIdleGoverned } from './idle-governed';
import { measureImpact } from './impact';
import { READY_LOG_MB } from './log-files';
import { measureIncremental } from './incremental';
import { measureNetwork, measureProviders } from './network';
import { BENCH_USAGE, parseBenchOptions, type BenchOptions, type Section } from './options';
import { goals, report } from './report';
import { measureLarge, measureRestore } from './restore';
import { readResults, writeResults, type Results } from './results';
import { measureSampling } from './sampling';
import { measureSteering } from './steer';
import { measureSweep } from './sweep';

/** From .holdfast/bench-build/bench to bench. */
const HOME = resolve(__dirname, '..', '..', '..', 'bench');
/** A database for those in which a backup must last. */
const STEERED: ReadonlySet<Section> = new Set(['steer', 'idle-governed']);
/** Those that tell what the application feels. */
const FELT: ReadonlySet<Section> = new Set(['impact', 'impact-apart']);
/** Sections that need the servers. */
type Served = Exclude<Section, 'day'>;
const say = (line: string) => console.log(`bench  ${line}`);

async function runSections(
  options: BenchOptions,
  sections: readonly Served[],
  megabytes: number,
  results: Results,
): Promise<void> {
  if (sections.length === 0) return;
  const supervisor = new Supervisor();
  let stopping: Promise<void> | null = null;
  // Once: what fails because its server is being stopped must not cut the stopping short.
  const interrupted = () => void (stopping ??= supervisor.stopAll().then(() => process.exit(130)));
  const broken = (error: Error) => {
    console.error(error.stack);
    interrupted();
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted).on('uncaughtException', broken);
  try {
    const bench = await openBench({ ...options, megabytes }, supervisor, say, settingsFor(sections));
    results.machine = describeMachine(bench);
    await generate(bench.postgres.url(bench.database), megabytes, say);
    for (const section of sections) {
      say(`section ${section}`);
      const measured = {
        at: new Date().toISOString(),
        megabytes,
        rounds: section === 'large' ? 1 : options.rounds,
        loadBefore: Math.round(loadavg()[0]! * 10) / 10,
      };
      switch (section) {
        case 'full':
          results.full = { ...measured, values: await measureFull(bench) };
          break;
        case 'incremental':
          results.incremental = { ...measured, values: await measureIncremental(bench) };
          break;
        case 'sweep':
          results.sweep = { ...measured, values: await measureSweep(bench) };
          break;
        case 'restore':
          results.restore = { ...measured, values: await measureRestore(bench) };
          break;
        case 'network':
          results.network = { ...measured, values: await measureNetwork(bench) };
          break;
        case 'copies':
          results.copies = { ...measured, values: await measureCopies(bench) };
          break;
        case 'providers':
          results.providers = { ...measured, values: await measureProviders(bench) };
          break;
        case 'sampling':
          results.sampling = { ...measured, values: await measureSampling(bench) };
          break;
        case 'impact':
          results.impact = { ...measured, values: await measureImpact(bench) };
          break;
        case 'impact-apart':
          results.impactApart = { ...measured, values: await measureImpact(bench, { apart: true }) };
          break;
        case 'steer':
          results.steer = { ...measured, values: await measureSteering(bench) };
          break;
        case 'idle-governed':
          results.idleGoverned = { ...measured, values: await measureIdleGoverned(bench) };
          break;
        case 'large':
          results.large = { ...measured, values: await measureLarge(bench) };
          break;
      }
      if (!options.quick) save(results);
    }
  } finally {
    await supervisor.stopAll();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted).off('uncaughtException', broken);
    for (const folder of new Set([options.folder, options.elsewhere ?? options.folder])) {
      await clearFolder(folder);
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** What a server in use has, and the others are measured without. */
function settingsFor(sections: readonly Section[]): Readonly<Record<string, string>> {
  if (!sections.some((section) => FELT.has(section))) return {};
  // A checkpoint would meet some lanes and not others.
  return {
    shared_preload_libraries: 'pg_stat_statements',
    checkpoint_timeout: '1h',
    min_wal_size: `${READY_LOG_MB}MB`,
  };
}

function save(results: Results): void {
  writeResults(join(HOME, 'results.json'), results);
  writeFileSync(join(HOME, 'RESULTS.md'), report(results));
}

/** Needs no server, and is the same on a busy machine. */
function replayDay({ quick }: BenchOptions, results: Results): void {
  say('section day');
  const starts = quick ? QUICK_STARTS : DAY_STARTS;
  const values = measureDay({ recording: readRecording(join(HOME, 'day')), seed: 1, starts, say });
  results.day = { at: new Date().toISOString(), megabytes: 0, rounds: 1, loadBefore: 0, values };
  if (!quick) save(results);
}

async function main(): Promise<void> {
  const options = parseBenchOptions(process.argv.slice(2), process.cwd());
  if (!options) return console.log(BENCH_USAGE);
  const results: Results = options.quick ? {} : readResults(join(HOME, 'results.json'));
  const served = options.sections.filter((section): section is Served => section !== 'day');
  const only = (wanted: (section: Section) => boolean, megabytes: number) =>
    runSections(options, served.filter(wanted), megabytes, results);
  await only((section) => section !== 'large' && !FELT.has(section) && !STEERED.has(section), options.megabytes);
  if (served.includes('impact'))
    await runSections({ ...options, elsewhere: elsewhereFolder() }, ['impact'], options.impactMegabytes, results);
  if (served.includes('impact-apart')) {
    leaveServerAlone();
    await runSections({ ...options, folder: APART_FOLDER }, ['impact-apart'], options.impactMegabytes, results);
    shareAgain();
  }
  await only((section) => STEERED.has(section), options.steeredMegabytes);
  await only((section) => section === 'large', options.largeMegabytes);
  if (options.sections.includes('day')) replayDay(options, results);
  if (options.quick) console.log(report(results));
  for (const { what, goal, measured, met } of goals(results))
    say(`${met ? 'met    ' : 'NOT MET'}  ${what}: ${measured} (${goal})`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
