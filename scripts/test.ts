/**
 * `npm test`: provisions what the tests need, checks types and style, builds, runs every jest project, and closes with
 * the totals of all of them. Arguments go to jest, which then runs once with them and nothing else is checked.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provision } from './provision';
import { addTotals, closingLines, NO_TESTS, totalsOf, type JestReport, type Totals } from './test-totals';

const ROOT = join(__dirname, '..');
/** Each of these starts servers of its own, so few of their files may run at once. */
const SERVER_BACKED = ['contract', 'workflow', 'integration', 'fault', 'e2e'];
/** A replay runs workflow code in jest's own process and hooks its promises, which breaks files that run there later. */
const APART = 'replay';

/** A test without a limit of its own may take this long: on a small busy machine five seconds are soon over. */
const PATIENCE_MS = 60_000;

function runStep(name: string, command: string, args: readonly string[]): Promise<boolean> {
  const startedAt = Date.now();
  console.log(`\n== ${name}`);
  return new Promise((resolve) => {
    const child = spawn(command, [...args], { cwd: ROOT, stdio: 'inherit' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => {
      console.log(
        `== ${name}: ${code === 0 ? 'ok' : `FAILED (exit code ${code})`} in ${Math.round((Date.now() - startedAt) / 1000)} s`,
      );
      resolve(code === 0);
    });
  });
}

async function jest(name: string, args: readonly string[], folder: string): Promise<{ ok: boolean; totals: Totals }> {
  const file = join(folder, `${name}.json`);
  const ok = await runStep(`jest: ${name}`, process.execPath, [
    join(ROOT, 'node_modules/jest/bin/jest.js'),
    ...args,
    '--json',
    `--outputFile=${file}`,
  ]);
  try {
    return { ok, totals: totalsOf(JSON.parse(readFileSync(file, 'utf8')) as JestReport) };
  } catch {
    // Jest that ends without a report counts as one failure, so that the closing line never looks better than it was.
    return { ok: false, totals: { ...NO_TESTS, failed: 1, suitesFailed: 1 } };
  }
}

function hasTests(project: string): boolean {
  try {
    return readdirSync(join(ROOT, 'test', project), { recursive: true }).some((name) =>
      String(name).endsWith('.test.ts'),
    );
  } catch {
    return false;
  }
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  const steps: boolean[] = [];
  let totals = NO_TESTS;
  const runJest = async (name: string, args: readonly string[]) => {
    const result = await jest(name, args, folder);
    steps.push(result.ok);
    totals = addTotals(totals, result.totals);
  };
  try {
    const own = process.argv.slice(2);
    if (own.length > 0) await runJest('selection', own);
    else {
      await provision();
      for (const script of ['typecheck', 'lint', 'build'])
        steps.push(await runStep(script, 'npm', ['run', '--silent', script]));
      await runJest('unit', ['--selectProjects', 'unit', `--testTimeout=${PATIENCE_MS}`]);
      const projects = SERVER_BACKED.filter(hasTests);
      if (projects.length > 0)
        await runJest('server-backed', [
          '--selectProjects',
          ...projects,
          '--maxWorkers=2',
          `--testTimeout=${PATIENCE_MS}`,
        ]);
      if (hasTests(APART)) await runJest(APART, ['--selectProjects', APART, `--testTimeout=${PATIENCE_MS}`]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${closingLines(totals, steps.filter((ok) => !ok).length).join('\n')}`);
  return steps.every(Boolean) && totals.failed === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
