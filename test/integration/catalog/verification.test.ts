/** What the catalogue keeps of turns, of reading every object again, and what Prometheus is told of it. */
import { Registry } from 'prom-client';
import { createCatalog } from '../../../src/catalog/create-catalog';
import { migrate } from '../../../src/catalog/migrate';
import type { Catalog } from '../../../src/catalog/types';
import { verificationMetrics } from '../../../src/workers/verification-metrics';
import type { ProofRecord } from '../../../src/repository/types';
import { startPostgres, type TestPostgres } from '../../support/postgres';

const OLD = '20261120T092530Z-full-1a2b3c4d';
const NEW = '20261121T092530Z-full-1a2b3c4e';
const DAY_MS = 86_400_000;
const START = Date.now() - 10 * DAY_MS;
/** Days after the start of the story. */
const day = (count: number) => new Date(START + count * DAY_MS);

const proof = (backupId: string, store: string, at: Date, changes: Partial<ProofRecord> = {}): ProofRecord => ({
  format: 1,
  backupId,
  database: 'shop',
  store,
  grade: 'exact',
  asked: 'exact',
  startedAt: at.toISOString(),
  durationMs: 1_200,
  restoreMs: 900,
  compared: { objects: 1, sealedBytes: 2, tables: 3, rows: 4, segments: 5, assertions: 0 },
  assertions: [],
  failure: null,
  serverVersion: '15.18',
  ...changes,
});
const failure = { class: 'data' as const, code: 'REPO_SEGMENT_DAMAGED', message: 'bad', hint: 'heal' };

describe('verification in the catalogue', () => {
  let server: TestPostgres;
  let catalog: Catalog;

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    const target = await server.fromTemplate('migrated', (template) =>
      migrate(template, 'holdfast').then(() => undefined),
    );
    catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
    for (const [backupId, at] of [
      [OLD, day(0)],
      [NEW, day(4)],
    ] as const) {
      await catalog.startJob({
        ...{ backupId, database: 'shop', engine: 'logical', backupType: 'full', basedOn: null },
        ...{ startedAt: at, workflowId: null, runId: null },
      });
      await catalog.completeJob(backupId, {
        ...{ completedAt: at, fileSize: 600, plainBytes: 900, uploadedBytes: 600, reusedBytes: 0 },
        ...{ rows: 3, segments: 4, location: `shop/manifests/${backupId}` },
      });
      for (const store of ['disk', 's3'])
        await catalog.setCopy({ backupId, database: 'shop', store, state: 'complete', at });
    }
  }, 60_000);
  afterEach(() => catalog.close());

  const turn = (turnId: string, at: Date) => ({
    ...{ turnId, database: 'shop', store: 'disk', backupId: OLD, asked: 'exact' as const, startedAt: at },
  });

  it('counts a turn from its beginning, once, and its end stays as it was first told', async () => {
    await catalog.beginTurn(turn('run-1', day(1)));
    await catalog.beginTurn({ ...turn('run-1', day(2)), store: 's3' });
    await catalog.beginTurn(turn('run-2', day(3)));
    const end = { turnId: 'run-1', finishedAt: day(1), outcome: 'healed' as const, detail: 'was damaged\u0000' };
    await catalog.finishTurn(end);
    await catalog.finishTurn({ ...end, outcome: 'failed', detail: null });
    expect(await catalog.turns({ database: 'shop' })).toEqual([
      { ...turn('run-2', day(3)), finishedAt: null, outcome: null, detail: null },
      {
        ...turn('run-1', day(1)),
        finishedAt: day(1),
        outcome: 'healed',
        detail: expect.stringMatching(/^was damaged/),
      },
    ]);
    expect((await catalog.turns({ limit: 1 })).map(({ turnId }) => turnId)).toEqual(['run-2']);
    expect(await catalog.turns({ database: 'other' })).toEqual([]);
  });

  it('tells when each copy was last tried and last proved, grade by grade', async () => {
    await catalog.saveProof(proof(OLD, 'disk', day(1)));
    await catalog.saveProof(proof(OLD, 'disk', day(2), { grade: null, failure }));
    await catalog.saveProof(proof(OLD, 'disk', day(3), { asked: 'intact', grade: 'intact' }));
    await catalog.saveProof(proof(NEW, 's3', day(5), { grade: null, failure }));
    expect(await catalog.proofSummaries({ database: 'shop' })).toEqual([
      { backupId: NEW, database: 'shop', store: 's3', asked: 'exact', triedAt: day(5), provedAt: null },
      { backupId: OLD, database: 'shop', store: 'disk', asked: 'exact', triedAt: day(2), provedAt: day(1) },
      { backupId: OLD, database: 'shop', store: 'disk', asked: 'intact', triedAt: day(3), provedAt: day(3) },
    ]);
    expect(await catalog.proofSummaries({ database: 'other' })).toEqual([]);
  });

  const read = (bucket: number, at: Date, changes: object = {}) =>
    catalog.recordBucket({
      ...{ database: 'shop', store: 'disk', cycleStartedAt: day(1), bucket, at },
      ...{ bytes: 100, objects: 2, damaged: 0, ms: 7.4, ...changes },
    });

  it('moves a cycle on bucket by bucket; a repeated or a skipped one changes nothing', async () => {
    const cycle = { database: 'shop', store: 'disk', startedAt: day(1) };
    await catalog.beginIntactCycle(cycle);
    await catalog.beginIntactCycle(cycle);
    await read(0, day(2));
    await read(0, day(3), { bytes: 999 });
    await read(2, day(3));
    await read(1, day(4), { damaged: 1 });
    expect(await catalog.intactCycles({ database: 'shop', store: 'disk' })).toEqual([
      {
        ...{ ...cycle, nextBucket: 2, bytes: 200, objects: 4, damaged: 1, readMs: 14 },
        ...{ lastShareAt: day(4), completedAt: null },
      },
    ]);
    expect(await catalog.intactReadings({ database: 'shop' })).toEqual([
      { database: 'shop', store: 'disk', buckets: 2, oldestReadAt: day(2), bytes: 200, objects: 4 },
    ]);
  });

  it('knows the size of a share only where each of its buckets was read, by the last reading', async () => {
    await catalog.beginIntactCycle({ database: 'shop', store: 'disk', startedAt: day(1) });
    await catalog.beginIntactCycle({ database: 'shop', store: 'disk', startedAt: day(3) });
    for (const bucket of [0, 1]) await read(bucket, day(2));
    await read(0, day(4), { cycleStartedAt: day(3), bytes: 40, objects: 1 });
    const share = (from: number, to: number) => catalog.bucketSizes({ database: 'shop', store: 'disk', from, to });
    expect(await share(0, 2)).toEqual({ bytes: 140, objects: 3 });
    expect(await share(0, 3)).toBeNull();
    expect(await catalog.bucketSizes({ database: 'shop', store: 's3', from: 0, to: 1 })).toBeNull();
    const cycles = await catalog.intactCycles({ database: 'shop', limit: 1 });
    expect(cycles.map(({ startedAt }) => startedAt)).toEqual([day(3)]);
  });

  it('completes a cycle with its last bucket', async () => {
    await catalog.beginIntactCycle({ database: 'shop', store: 'disk', startedAt: day(1) });
    for (let bucket = 0; bucket < 256; bucket++) await read(bucket, day(2));
    const [cycle] = await catalog.intactCycles({ database: 'shop', store: 'disk' });
    expect(cycle).toMatchObject({ nextBucket: 256, bytes: 25_600, completedAt: day(2) });
    expect(await catalog.intactReadings({})).toMatchObject([{ buckets: 256, bytes: 25_600, objects: 512 }]);
  }, 60_000);

  describe('metrics', () => {
    async function scrape(): Promise<(name: string, labels: object) => number | null> {
      const registry = new Registry();
      const metrics = verificationMetrics(registry);
      const verification = {
        grade: 'exact' as const,
        rotation: { newest: 2, maxAge: 2 * DAY_MS },
        intact: { cycle: 5 * DAY_MS },
      };
      const database = { config: { name: 'shop', verification: verification as never }, stores: ['disk', 's3'] };
      await metrics.collect(catalog, database);
      metrics.readAgain({ database: 'shop', store: 'disk', objects: 3, bytes: 30, damaged: 1 });
      const all = await registry.getMetricsAsJSON();
      return (name, labels) => {
        const found = all.find((metric) => metric.name === `holdfast_${name}`)?.values as
          readonly { value: number; labels: object }[] | undefined;
        return found?.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels))?.value ?? null;
      };
    }

    it('show how old proofs are by grade, and what of the rotation is overdue', async () => {
      await catalog.saveProof(proof(OLD, 'disk', day(9)));
      await catalog.saveProof(proof(NEW, 'disk', day(9.5), { grade: null, failure }));
      await catalog.saveProof(proof(NEW, 's3', day(8), { asked: 'intact', grade: 'intact' }));
      const value = await scrape();
      const age = (store: string, grade: string) => value('last_proof_age_seconds', { database: 'shop', store, grade });
      const daysOld = (seconds: number | null) => (seconds === null ? null : Math.round((seconds * 1_000) / DAY_MS));
      expect([age('disk', 'exact'), age('disk', 'intact'), age('s3', 'intact')].map(daysOld)).toEqual([1, 1, 2]);
      expect(age('s3', 'exact')).toBeNull();
      // Both copies at s3 were never tried to `exact`, and their backups are older than two days.
      expect(value('copies_overdue', { database: 'shop' })).toBe(2);
      expect(value('intact_objects_read_total', { database: 'shop', store: 'disk' })).toBe(3);
      expect(value('intact_damaged_objects_total', { database: 'shop', store: 'disk' })).toBe(1);
    });

    it('show how far the cycle is, how late, and nothing of an age while some part was never read', async () => {
      await catalog.beginIntactCycle({ database: 'shop', store: 'disk', startedAt: day(1) });
      await read(0, day(2));
      const value = await scrape();
      const labels = { database: 'shop', store: 'disk' };
      expect(value('intact_cycle_progress', labels)).toBe(1 / 256);
      const late = value('intact_cycle_late_seconds', labels)!;
      // Begun 9 days ago, to be done in 5.
      expect(Math.round((late * 1_000) / DAY_MS)).toBe(4);
      expect(value('intact_oldest_read_age_seconds', labels)).toBeNull();
      expect(value('intact_cycle_progress', { database: 'shop', store: 's3' })).toBeNull();
      for (let bucket = 1; bucket < 256; bucket++) await read(bucket, day(3));
      const done = await scrape();
      expect(done('intact_cycle_late_seconds', labels)).toBe(0);
      expect(Math.round((done('intact_oldest_read_age_seconds', labels)! * 1_000) / DAY_MS)).toBe(8);
    }, 60_000);
  });
});
