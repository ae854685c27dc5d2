/** Whose turn it is and how far each cycle is, from what the catalogue knows: for what is done and for what is shown. */
import type { DatabaseConfig } from '../config/schema';
import { BUCKETS, planShare, shareInterval, type AskedShare, type Share } from '../domain/intact-plan';
import { gradeAtLeast, type ProofGrade } from '../domain/names';
import { estimateRead, type ReadEstimate, type ReadSample } from '../domain/reading';
import { planRotation, type RotationCandidate, type RotationPlan } from '../domain/rotation';
import type { Catalog } from './types';

type Verification = Pick<DatabaseConfig, 'name' | 'verification'>;

/** What reading from a store costs, as text with its currency; null where no price is stated. */
export type CostOf = (store: string, read: { readonly bytes: number; readonly objects: number }) => string | null;

/** Of `verification.rotation`, or of a turn that is asked for by hand without it. */
export function rotationRules({ verification }: Verification): {
  readonly grade: ProofGrade;
  readonly newest: number;
  readonly maxAgeMs: number;
} {
  const { rotation, grade } = verification;
  return {
    grade: rotation?.grade ?? grade,
    newest: rotation?.newest ?? 3,
    maxAgeMs: rotation?.maxAge ?? 30 * 86_400_000,
  };
}

const READING = { cycleMs: 30 * 86_400_000 };
export function intactRules({ verification }: Verification): {
  readonly cycleMs: number;
  readonly maxBytesPerSecond: number | null;
} {
  const { intact } = verification;
  return { cycleMs: intact?.cycle ?? READING.cycleMs, maxBytesPerSecond: intact?.maxBytesPerSecond ?? null };
}

/** @param stores of the database, in the config's order */
export async function rotationFromCatalog(
  catalog: Pick<Catalog, 'jobs' | 'copies' | 'proofSummaries' | 'turns'>,
  config: Verification,
  stores: readonly string[],
  { down, now }: { readonly down: readonly string[]; readonly now: Date },
): Promise<RotationPlan> {
  const of = { database: config.name };
  const rules = rotationRules(config);
  const [jobs, copies, summaries, turns] = await Promise.all([
    catalog.jobs({ ...of, status: 'completed' }),
    catalog.copies(of),
    catalog.proofSummaries(of),
    catalog.turns({ ...of, limit: 1_000 }),
  ]);
  // What retention is about to delete is not worth a restore.
  const living = new Map(jobs.filter((job) => job.tombstonedAt === null).map((job) => [job.backupId, job]));
  const strong = summaries.filter((one) => gradeAtLeast(one.asked, rules.grade));
  const strongTurns = turns.filter((turn) => gradeAtLeast(turn.asked, rules.grade));
  const isOf = (backupId: string, store: string) => (one: { backupId: string; store: string }) =>
    one.backupId === backupId && one.store === store;
  const candidates = copies.flatMap((copy): RotationCandidate[] => {
    const job = living.get(copy.backupId);
    if (!job) return [];
    const { backupId, store, state, grade } = copy;
    const mine = strong.filter(isOf(backupId, store));
    const tried = [
      ...mine.map(({ triedAt }) => triedAt),
      ...strongTurns.filter(isOf(backupId, store)).map(({ startedAt }) => startedAt),
    ];
    return [
      {
        backupId,
        store,
        state,
        grade,
        startedAt: job.startedAt.getTime(),
        triedAt: newest(tried),
        provedAt: newest(mine.flatMap(({ provedAt }) => (provedAt === null ? [] : [provedAt]))),
        sealedBytes: job.fileSize ?? 0,
      },
    ];
  });
  const lastTurn = Object.fromEntries(
    stores.flatMap((store) => {
      const at = newest([
        ...strong.filter((one) => one.store === store).map(({ triedAt }) => triedAt),
        ...strongTurns.filter((one) => one.store === store).map(({ startedAt }) => startedAt),
      ]);
      return at === null ? [] : [[store, at]];
    }),
  );
  return planRotation(candidates, { ...rules, stores, lastTurn, down, now: now.getTime() });
}

const newest = (dates: readonly Date[]) =>
  dates.length === 0 ? null : Math.max(...dates.map((date) => date.getTime()));

/** Of proving one copy: all of it is read once. By the last proofs at that store, else by those at any store. */
export async function proofEstimate(
  catalog: Pick<Catalog, 'job' | 'proofs'>,
  copy: { readonly database: string; readonly store: string; readonly backupId: string; readonly grade: ProofGrade },
  costOf: CostOf,
): Promise<ReadEstimate> {
  const { database, store, backupId, grade } = copy;
  const job = await catalog.job(backupId);
  const read =
    grade === 'stored' ? { bytes: 0, objects: 0 } : { bytes: job?.fileSize ?? 0, objects: job?.segments ?? 0 };
  const samples = async (filter: { store?: string }): Promise<readonly ReadSample[]> =>
    (await catalog.proofs({ database, ...filter, limit: 50 }))
      .filter((proof) => proof.asked === grade && proof.failure === null && proof.compared.sealedBytes > 0)
      .slice(0, 5)
      .map((proof) => ({ bytes: proof.compared.sealedBytes, ms: proof.durationMs }));
  const here = await samples({ store });
  return estimateRead({ ...read, cost: costOf(store, read) }, here.length > 0 ? here : await samples({}));
}

/** The share that is read next at one store, and what that takes. */
export async function shareFromCatalog(
  catalog: Pick<Catalog, 'intactCycles' | 'bucketSizes' | 'jobs' | 'copies'>,
  config: Verification,
  ask: { readonly store: string; readonly asked: AskedShare; readonly now: Date; readonly costOf: CostOf },
): Promise<Share & { readonly estimate: ReadEstimate }> {
  const { store, asked, now, costOf } = ask;
  const database = config.name;
  const { cycleMs, maxBytesPerSecond } = intactRules(config);
  const cycles = await catalog.intactCycles({ database, store, limit: 3 });
  const [cycle] = cycles;
  const lastAt = cycle?.lastShareAt ?? cycle?.startedAt ?? null;
  const share = planShare({
    cycle: cycle ? { startedAt: cycle.startedAt.getTime(), nextBucket: cycle.nextBucket } : null,
    asked,
    cycleMs,
    intervalMs: shareInterval(
      config.verification.intact ?? {},
      lastAt === null ? null : now.getTime() - lastAt.getTime(),
    ),
    now: now.getTime(),
  });
  const read = await shareSize(catalog, database, store, share);
  const samples = cycles.filter(({ readMs }) => readMs > 0).map(({ bytes, readMs }) => ({ bytes, ms: readMs }));
  return { ...share, estimate: estimateRead({ ...read, cost: costOf(store, read) }, samples, maxBytesPerSecond) };
}

/** What the buckets held when they were read last; else their part of what was ever sent there. */
async function shareSize(
  catalog: Pick<Catalog, 'bucketSizes' | 'jobs' | 'copies'>,
  database: string,
  store: string,
  { from, to }: Share,
): Promise<{ readonly bytes: number; readonly objects: number }> {
  if (from >= to) return { bytes: 0, objects: 0 };
  const known = await catalog.bucketSizes({ database, store, from, to });
  if (known !== null) return known;
  const held = new Set((await catalog.copies({ database, store })).map(({ backupId }) => backupId));
  const jobs = (await catalog.jobs({ database, status: 'completed' })).filter(({ backupId }) => held.has(backupId));
  let bytes = 0;
  let objects = 0;
  for (const { uploadedBytes, fileSize, segments } of jobs) {
    const size = fileSize ?? 0;
    const fresh = Math.min(size, uploadedBytes ?? size);
    bytes += fresh;
    objects += size > 0 ? ((segments ?? 0) * fresh) / size : 0;
  }
  const part = (to - from) / BUCKETS;
  return { bytes: bytes * part, objects: Math.ceil(objects * part) };
}
