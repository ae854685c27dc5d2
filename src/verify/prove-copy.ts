/**
 * Proves one copy: what its grade asks for, one step after another, and says in the record how far it came and why no
 * further. A proof that fails is a result; only cancellation is thrown.
 */
import { join } from 'node:path';
import { gradeAtLeast, type ProofGrade } from '../domain/names';
import { createLogicalEngine } from '../engines/logical';
import type { BackupEngine, RestoreProgress } from '../engines/engine';
import { verifyError } from '../errors/verify';
import { withSession } from '../postgres/connection';
import { withScratchCluster, type ScratchCluster, type ScratchConnection } from '../postgres/scratch';
import { findTools } from '../postgres/tools';
import { checkCopy } from '../repository/check';
import { createNamer } from '../repository/segment';
import type { ProofRecord } from '../repository/types';
import { runAssertions } from './assertions';
import { classifyFailure, failureOf, type ProofFailure, type ProofStep } from './classify';
import { compareObjects } from './compare-objects';
import { compareRows, countRows, differenceError, type RowOutcome } from './compare-rows';
import { trackSource } from './tracked-source';
import type { ProveCopy, ProveRequest } from './types';

/** Where tests step in: between the restore and the comparison. */
export interface ProofHooks {
  readonly engine?: Pick<BackupEngine, 'restore'>;
  readonly afterRestore?: (cluster: ScratchCluster, database: ScratchConnection) => Promise<void>;
  /** Extra lines of the scratch server's configuration. */
  readonly settings?: readonly string[];
}

/** Name of the database in the scratch cluster. */
const PROOF_DATABASE = 'holdfast_proof';
/**
 * Free space asked for beforehand, as a share of the backup's plain bytes. Indexes take more, compressed values less; a disk
 * that turns out too small is noticed while the restore runs.
 */
const SPACE_FACTOR = 1;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
interface Findings {
  grade: ProofGrade | null;
  failure: ProofFailure | null;
  restoreMs: number | null;
  serverVersion: string | null;
  assertions: ProofRecord['assertions'];
  compared: Mutable<ProofRecord['compared']>;
}

export const proveCopy: ProveCopy = (request) => proveCopyWith(request, {});

/** As `proveCopy`, with the places where tests step in. */
export async function proveCopyWith(request: ProveRequest, hooks: ProofHooks): Promise<ProofRecord> {
  const { reader, grade: asked, signal } = request;
  const { inventory } = reader.manifest;
  const started = Date.now();
  const findings: Findings = {
    grade: null,
    failure: null,
    restoreMs: null,
    serverVersion: null,
    assertions: [],
    compared: { objects: 0, sealedBytes: 0, tables: 0, rows: 0, segments: 0, assertions: 0 },
  };
  signal.throwIfAborted();
  if (gradeAtLeast(asked, 'restored')) await proveByRestore(request, findings, hooks);
  else await proveAtRest(request, findings);
  signal.throwIfAborted();
  return {
    format: 1,
    backupId: inventory.backupId,
    database: inventory.database,
    store: reader.store.name,
    asked,
    startedAt: new Date(started).toISOString(),
    durationMs: Date.now() - started,
    ...findings,
    compared: { ...findings.compared, assertions: findings.assertions.length },
  };
}

/** Without a restore: the objects that the manifest names, there and (for `intact`) with the bytes they are named by. */
async function proveAtRest(request: ProveRequest, findings: Findings): Promise<void> {
  const { reader, grade, signal, onProgress } = request;
  const { inventory } = reader.manifest;
  const total = inventory.segments.length;
  try {
    const check = await checkCopy({
      store: reader.store,
      inventory,
      grade: grade === 'stored' ? 'stored' : 'intact',
      signal,
      onProgress: (done: number) => onProgress({ step: 'reading objects', done, total }),
    });
    findings.grade = check.grade;
    findings.compared.objects = check.objects;
    findings.compared.sealedBytes = check.bytes;
    if (check.missing.length > 0) findings.failure = objectsFailure('VERIFY_OBJECTS_MISSING', check.missing, total);
    else if (check.damaged.length > 0)
      findings.failure = objectsFailure('VERIFY_OBJECTS_DAMAGED', check.damaged, total);
  } catch (error) {
    signal.throwIfAborted();
    findings.failure = classifyFailure(error, 'read');
  }
}

function objectsFailure(
  code: 'VERIFY_OBJECTS_MISSING' | 'VERIFY_OBJECTS_DAMAGED',
  objects: readonly string[],
  total: number,
): ProofFailure {
  const what = code === 'VERIFY_OBJECTS_MISSING' ? 'missing' : 'damaged';
  const first = objects.slice(0, 3).join(', ');
  return failureOf(verifyError(code, `${objects.length} of ${total} objects are ${what}: ${first}`));
}

/** With a restore, which itself reads and checks every object: none is fetched a second time. */
async function proveByRestore(request: ProveRequest, findings: Findings, hooks: ProofHooks): Promise<void> {
  const { reader, scratch, signal } = request;
  const { inventory, body } = reader.manifest;
  if (inventory.engine !== 'logical') {
    findings.failure = failureOf(verifyError('VERIFY_ENGINE_UNSUPPORTED'));
    return proveAtRest({ ...request, grade: 'intact' }, findings);
  }
  // A copy that lacks objects is not worth a cluster; listing them is cheap.
  await proveAtRest({ ...request, grade: 'stored' }, findings);
  if (findings.failure) return;

  const position: { step: ProofStep; source: ReturnType<typeof trackSource> | null } = {
    step: 'cluster',
    source: null,
  };
  try {
    await withScratchCluster(
      {
        ...scratch,
        expectedBytes: inventory.plainBytes * SPACE_FACTOR,
        major: Math.floor(body.summary.serverVersionNum / 10_000),
        signal,
        settings: hooks.settings,
      },
      (cluster) => restoreAndCompare(request, findings, hooks, cluster, position),
    );
  } catch (error) {
    signal.throwIfAborted();
    findings.failure ??= classifyFailure(error, position.step, position.source?.error ?? undefined);
  }
  // What failed before everything was read says nothing of the rest of the copy; that is looked at now.
  if (findings.grade === 'stored' && findings.failure?.class === 'environment') await addIntact(request, findings);
}

/** The surroundings were unfit for a restore: the bytes can be checked all the same. */
async function addIntact(request: ProveRequest, findings: Findings): Promise<void> {
  const { failure } = findings;
  await proveAtRest({ ...request, grade: 'intact' }, findings);
  findings.failure = findings.grade === 'intact' ? failure : findings.failure;
}

async function restoreAndCompare(
  request: ProveRequest,
  findings: Findings,
  hooks: ProofHooks,
  cluster: ScratchCluster,
  position: { step: ProofStep; source: ReturnType<typeof trackSource> | null },
): Promise<void> {
  const { reader, grade: asked, onProgress } = request;
  const { inventory, body } = reader.manifest;
  const { summary } = body;
  const { signal } = cluster;
  const { jobs } = request.scratch;
  const binDirs = [cluster.binDir, ...request.scratch.binDirs];
  findings.serverVersion = cluster.version;
  const target = await cluster.createDatabase(PROOF_DATABASE, summary);

  position.step = 'restore';
  const schemaFile = summary.files.find((file) => file.kind === 'schema');
  const archive = join(cluster.filesDir, 'schema.dump');
  const source = trackSource(reader, schemaFile ? { path: schemaFile.path, to: archive } : null);
  position.source = source;
  const engine = hooks.engine ?? createLogicalEngine();
  const restoreStarted = Date.now();
  await engine.restore({
    source,
    summary,
    target,
    options: {
      jobs,
      schemas: [],
      tables: [],
      owners: 'keep',
      acls: 'keep',
      globals: 'roles',
      binDirs,
      scratchDir: cluster.filesDir,
    },
    signal,
    onProgress: (progress) => onProgress(restoreProgress(progress)),
  });
  findings.restoreMs = Date.now() - restoreStarted;
  await source.readRest(signal);
  findings.grade = 'intact';
  findings.compared.objects = inventory.segments.length;
  findings.compared.sealedBytes = inventory.sealedBytes;
  await hooks.afterRestore?.(cluster, target);

  position.step = 'compare';
  const namer = await createNamer(request.keys.idKey);
  let compared = 0;
  const rowComparison = {
    reader,
    target,
    namer,
    jobs,
    signal,
    onBytes: (bytes: number) => {
      compared += bytes;
      onProgress({ step: 'comparing rows', done: compared, total: summary.plainBytes });
    },
  };
  const rows = asked === 'exact' ? await compareRows(rowComparison) : await countRows(rowComparison);
  noteRows(findings, rows);
  const [worst] = rows.differences;
  if (worst && worst.kind !== 'content') return fail(findings, differenceError(worst));

  const outcome = await withSession(target, { signal, applicationName: 'holdfast proof' }, async (session) => {
    onProgress({ step: 'comparing objects', done: 0, total: 1 });
    const tools = await findTools(session.serverVersionNum, { binDirs, signal });
    const difference = schemaFile
      ? await compareObjects({ archive, session, target, tools, filesDir: cluster.filesDir, signal })
      : null;
    onProgress({ step: 'running assertions', done: 0, total: request.assertions.length });
    const assertions = await runAssertions(session, request.assertions);
    return { difference, assertions };
  });
  findings.assertions = outcome.assertions.results;
  const refused = outcome.difference ?? outcome.assertions.failure;
  if (refused) return fail(findings, refused);
  findings.grade = 'restored';
  if (worst) return fail(findings, differenceError(worst));
  if (asked === 'exact') findings.grade = 'exact';
}

function noteRows(findings: Findings, rows: RowOutcome): void {
  findings.compared.tables = rows.tables;
  findings.compared.rows = rows.rows;
  findings.compared.segments = rows.segments;
}

function fail(findings: Findings, error: Parameters<typeof failureOf>[0]): void {
  findings.failure = failureOf(error);
}

function restoreProgress(progress: RestoreProgress) {
  return {
    step:
      progress.current === null ? `restoring: ${progress.step}` : `restoring: ${progress.step}, ${progress.current}`,
    done: progress.plainBytes,
    total: progress.plainBytesTotal,
  };
}
