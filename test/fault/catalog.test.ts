import { createCatalog } from '../../src/catalog/create-catalog';
import { migrate } from '../../src/catalog/migrate';
import { rebuildCatalog } from '../../src/catalog/rebuild';
import type { BackupJob, Catalog } from '../../src/catalog/types';
import { createFilesystemStore } from '../../src/storage/filesystem/filesystem-store';
import { filesystemStoreSchema } from '../../src/config/schema';
import { manifestKey } from '../../src/repository/layout';
import { listBackups, openBackup, readInventory } from '../../src/repository/reader';
import type { Inventory, ProofRecord, RepositoryKeys } from '../../src/repository/types';
import type { ObjectStore } from '../../src/storage/object-store';
import { readProofs, writeProof } from '../../src/verify/proof-store';
import { startPostgres, type TestPostgres } from '../support/postgres';
import { makeKeys, noise, readAll, writeBackup, writerOptions, type Content } from '../support/repository';
import { tempFolder, type TempFolder } from '../support/temp';

const FULL = '20261121T092530Z-full-1a2b3c4d';
const INCREMENTAL = '20261122T092530Z-incremental-1a2b3c4e';
const CONTENT: Content = { 'schema.dump': noise(3_000), 'data/16384/0.copy': noise(9_000, 2) };

describe('a lost catalogue', () => {
  let server: TestPostgres;
  let folder: TempFolder;
  let keys: RepositoryKeys;
  let store: ObjectStore;
  let catalog: Catalog;
  let copies = 0;

  const freshCatalog = async (): Promise<Catalog> => {
    const target = await server.createDatabase(`catalog_${(copies += 1)}`);
    await migrate(target, 'holdfast');
    return createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
  };

  beforeAll(async () => {
    // What was committed must be there after a crash, as on a server of anybody who cares.
    server = await startPostgres({ settings: { synchronous_commit: 'on' } });
    folder = await tempFolder('catalog');
    keys = await makeKeys();
    store = createFilesystemStore(
      filesystemStoreSchema.parse({ name: 'folder', adapter: 'filesystem', path: folder.path }),
    );
    catalog = await freshCatalog();
  }, 60_000);
  afterAll(async () => {
    await catalog.close();
    await store.close();
    await server.stop();
    await folder.remove();
  });

  /** As the activities record a run: job, copy, proof. */
  async function backUp(backupId: string, startedAt: string, base: Inventory | null): Promise<Inventory> {
    const type = base === null ? 'full' : 'incremental';
    await catalog.startJob({
      backupId,
      database: 'orders',
      engine: 'logical',
      backupType: type,
      basedOn: base?.backupId ?? null,
      startedAt: new Date(startedAt),
      workflowId: 'backup/orders',
      runId: 'r',
    });
    const { writer, result } = await writeBackup(
      writerOptions(keys, [store], {
        backupId,
        type,
        startedAt,
        base: base && { inventory: base, stores: [store.name] },
      }),
      CONTENT,
    );
    const { inventory } = result;
    const completedAt = new Date(inventory.completedAt);
    await catalog.completeJob(backupId, {
      completedAt,
      fileSize: inventory.sealedBytes,
      plainBytes: inventory.plainBytes,
      uploadedBytes: writer.counters.uploadedBytes,
      reusedBytes: writer.counters.reusedBytes,
      rows: inventory.rows,
      segments: inventory.segments.length,
      location: manifestKey('orders', backupId),
    });
    await catalog.setCopy({ backupId, database: 'orders', store: store.name, state: 'complete', at: completedAt });
    return inventory;
  }

  async function prove(backupId: string, store_: string, outcome: Partial<ProofRecord>): Promise<void> {
    const proof: ProofRecord = {
      format: 1,
      backupId,
      database: 'orders',
      store: store_,
      grade: 'exact',
      asked: 'exact',
      startedAt: '2027-01-01T00:00:00.000Z',
      durationMs: 1_500,
      restoreMs: 900,
      compared: { objects: 12, sealedBytes: 12_000, tables: 1, rows: 1, segments: 12, assertions: 1 },
      assertions: [{ name: 'has rows', ok: true, expected: '1', actual: '1' }],
      failure: null,
      serverVersion: '15.18',
      ...outcome,
    };
    await catalog.saveProof(proof);
    await writeProof(store, proof, keys);
    const damaged = proof.failure !== null;
    await catalog.setCopy({
      backupId,
      database: 'orders',
      store: store_,
      state: damaged ? 'damaged' : 'proved',
      grade: damaged ? null : proof.grade,
      detail: proof.failure && `${proof.failure.code}: ${proof.failure.message}`,
      at: new Date(Date.parse(proof.startedAt) + proof.durationMs),
    });
    await catalog.setVerification(backupId, damaged ? 'failed' : proof.grade!);
  }

  async function* inventories(): AsyncGenerator<Inventory> {
    for (const { database, backupId } of await listBackups(store)) {
      yield await readInventory(store, database, backupId, keys);
    }
  }
  async function* proofs(): AsyncGenerator<ProofRecord> {
    for (const { database, backupId } of await listBackups(store))
      yield* await readProofs(store, database, backupId, keys);
  }
  const rebuild = (into: Catalog) =>
    rebuildCatalog({ catalog: into, store: store.name, inventories: inventories(), proofs: proofs() });
  /** What a store knows of a job: all but how its upload went. */
  const known = ({ uploadedBytes: _u, reusedBytes: _r, workflowId: _w, runId: _i, ...job }: BackupJob) => job;
  const contents = async (from: Catalog) => ({
    jobs: (await from.jobs({})).map(known),
    copies: await from.copies({}),
    proofs: await from.proofs({}),
  });

  it('is made again from one store, equal in jobs, copies and proofs, however often', async () => {
    const full = await backUp(FULL, '2026-11-21T09:25:30.000Z', null);
    await backUp(INCREMENTAL, '2026-11-22T09:25:30.000Z', full);
    await prove(FULL, store.name, {});
    await prove(INCREMENTAL, store.name, {
      grade: 'restored',
      failure: { class: 'data', code: 'VERIFY_ROWS_DIFFER', message: 'a row differs', hint: 'heal' },
    });
    const before = await contents(catalog);
    expect(before.jobs).toHaveLength(2);

    await catalog.close();
    await server.dropDatabase(`catalog_${copies}`);
    catalog = await freshCatalog();
    await expect(rebuild(catalog)).resolves.toEqual({
      backups: 2,
      copies: 2,
      proofs: 2,
      orphanProofs: 0,
      reappeared: [],
    });
    expect(await contents(catalog)).toEqual(before);
    await expect(rebuild(catalog)).resolves.toMatchObject({ backups: 2, copies: 0 });
    expect(await contents(catalog)).toEqual(before);
  });

  it('made again leaves alone what is known of a later time, and tells of what was taken for deleted', async () => {
    const at = new Date('2028-01-01T00:00:00Z');
    await catalog.setCopy({ backupId: FULL, database: 'orders', store: store.name, state: 'lost', at });
    await catalog.tombstone(INCREMENTAL, 'no rule keeps it', at);
    await catalog.markDeleted(INCREMENTAL, at);
    await expect(rebuild(catalog)).resolves.toMatchObject({ reappeared: [INCREMENTAL] });
    expect(await catalog.copies({ backupId: FULL })).toMatchObject([{ state: 'lost', updatedAt: at }]);
  });

  it('keeps no one from reading a backup', async () => {
    await catalog.close();
    await server.stopServer('immediate');
    const reader = await openBackup({ store, database: 'orders', backupId: FULL, keys });
    for (const [path, bytes] of Object.entries(CONTENT)) {
      expect((await readAll(reader.readFile(path))).equals(bytes)).toBe(true);
    }
    await server.startServer();
    catalog = await freshCatalog();
  });

  it('is not what a crash leaves: the audit chain is whole when its server died among many appends', async () => {
    const append = async (writer: number) => {
      for (let index = 0; index < 100; index += 1) {
        await catalog.audit({ actor: `w${writer}`, action: 'a', at: new Date(index), details: { index } });
      }
    };
    const writers = [append(1), append(2), append(3)];
    const failed = Promise.allSettled(writers);
    for (let reached = 0; reached < 20;) reached = (await catalog.auditLog({ limit: 1 }))[0]?.seq ?? 0;
    await server.stopServer('immediate');
    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await server.startServer();
    await expect(catalog.auditVerify()).resolves.toBeNull();
    await catalog.audit({ actor: 'w4', action: 'after', at: new Date() });
    await expect(catalog.auditVerify()).resolves.toBeNull();
  });
});
