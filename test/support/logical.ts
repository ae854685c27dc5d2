/** What the tests of the logical engine share: default options, a dump, a restore, and pg_dump's own text to compare with. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGovernor } from '../../src/load/create-governor';
import { createLogicalEngine } from '../../src/engines/logical';
import type {
  ConnectionTarget,
  DumpRequest,
  DumpSummary,
  LogicalDumpOptions,
  RestoreOptions,
  RestoreSummary,
} from '../../src/engines/engine';
import type { MemoryFiles } from './folder-sink';

const engine = createLogicalEngine();

export function dumpOptions(options: Partial<LogicalDumpOptions> = {}): LogicalDumpOptions {
  return {
    readers: 2,
    rangeBytes: 64 * 1024,
    includeTables: [],
    excludeTables: [],
    includeSchemas: [],
    excludeSchemas: [],
    lockTimeoutMs: 5_000,
    pauseBudgetMs: 60_000,
    binDirs: [],
    ...options,
  };
}

export function dump(
  source: ConnectionTarget,
  sink: DumpRequest['sink'],
  options: Partial<LogicalDumpOptions> = {},
  rest: Partial<DumpRequest> = {},
): Promise<DumpSummary> {
  return engine.dump({
    source,
    sink,
    options: dumpOptions(options),
    governor: createGovernor(),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...rest,
  });
}

export async function restore(
  files: MemoryFiles,
  summary: DumpSummary,
  target: ConnectionTarget,
  options: Partial<RestoreOptions> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<RestoreSummary> {
  const scratchDir = mkdtempSync(join(tmpdir(), 'holdfast-restore-test-'));
  try {
    return await engine.restore({
      source: files,
      summary,
      target,
      options: {
        jobs: 2,
        schemas: [],
        tables: [],
        owners: 'keep',
        acls: 'keep',
        globals: 'none',
        binDirs: [],
        scratchDir,
        ...options,
      },
      signal,
      onProgress: () => undefined,
    });
  } finally {
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

/** Plain text of `pg_dump`, without the lines that differ between two runs of the same tool. */
export function pgDumpText(binDir: string, target: ConnectionTarget, args: readonly string[] = []): string {
  const text = execFileSync(join(binDir, 'pg_dump'), ['--no-password', ...args], {
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C',
      PGHOST: target.host,
      PGPORT: String(target.port),
      PGUSER: target.user,
      PGDATABASE: target.database,
    },
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  return text
    .split('\n')
    .filter((line) => !/^\\(un)?restrict |^-- Dumped (from|by) /.test(line))
    .join('\n');
}
