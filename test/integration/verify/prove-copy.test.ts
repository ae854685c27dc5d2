import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { BackupReader } from '../../../src/repository/types';
import { readProofs, writeProof } from '../../../src/verify/proof-store';
import { proveCopy } from '../../../src/verify/prove-copy';
import { loadFixture } from '../../support/fixture';
import { installedMajors, startPostgres, type TestPostgres } from '../../support/postgres';
import { proofWorld, SHOP_SQL, type ProofWorld } from '../../support/proof';

jest.setTimeout(120_000);

// The oldest and the newest: what changed between them shows at either end.
describe.each([...new Set([installedMajors()[0]!, installedMajors().at(-1)!])])(
  'the proof of a copy of PostgreSQL %i',
  (major) => {
    let server: TestPostgres;
    let world: ProofWorld;
    let reader: BackupReader;
    beforeAll(async () => {
      server = await startPostgres({ major });
      world = await proofWorld([server.binDir]);
      const shop = await server.createDatabase('shop');
      await server.sql(SHOP_SQL, 'shop');
      reader = await world.backUp(shop);
    });
    afterAll(async () => {
      await server?.stop();
      await world?.remove();
    });
    const prove = (over: Parameters<ProofWorld['request']>[1] = {}) => proveCopy(world.request(reader, over));

    it('is exact when every row comes back byte for byte', async () => {
      const steps = new Set<string>();
      const proof = await prove({
        assertions: [
          { name: 'customers', sql: 'SELECT count(*) FROM customers;', expect: '3000' },
          { name: 'search path', sql: `SELECT max(id)::text || '!' FROM "Order Lines"`, expect: '4000!' },
          { name: 'boolean', sql: 'SELECT true', expect: 't' },
        ],
        onProgress: ({ step }) => steps.add(step.split(':')[0]!),
      });
      expect(proof).toMatchObject({ grade: 'exact', failure: null, asked: 'exact', store: 'folder', database: 'shop' });
      expect(proof.compared).toMatchObject({ tables: 3, rows: 7000, assertions: 3 });
      expect(proof.compared.segments).toBeGreaterThan(20);
      expect(proof.compared.sealedBytes).toBe(reader.manifest.inventory.sealedBytes);
      expect(proof.restoreMs).toBeGreaterThan(0);
      expect(proof.serverVersion).toContain(`PostgreSQL) ${major}`);
      expect([...steps]).toEqual(expect.arrayContaining(['restoring', 'comparing rows', 'comparing objects']));
      expect(await readdir(world.scratchDir)).toEqual([]);
    });

    it('raises no false alarm on a database that has one of everything', async () => {
      const everything = await server.createDatabase('everything');
      loadFixture(server.binDir, everything, 'everything.sql');
      const copy = await world.backUp(everything, { backupId: '20261121T100000Z-full-00000001' });
      const proof = await proveCopy(world.request(copy));
      expect(proof).toMatchObject({ grade: 'exact', failure: null });
    });

    it('goes no further than what was asked for', async () => {
      expect(await prove({ grade: 'stored' })).toMatchObject({ grade: 'stored', restoreMs: null, failure: null });
      expect(await prove({ grade: 'intact' })).toMatchObject({ grade: 'intact', restoreMs: null, failure: null });
      const restored = await prove({ grade: 'restored' });
      expect(restored).toMatchObject({ grade: 'restored', failure: null });
      expect(restored.compared).toMatchObject({ tables: 3, rows: 7000, segments: 0 });
    });

    it('keeps the record beside the backup, and the later one counts', async () => {
      const proof = await prove({ grade: 'intact' });
      await writeProof(world.store, proof, world.keys);
      await writeProof(world.store, { ...proof, durationMs: 1 }, world.keys);
      expect(await readProofs(world.store, 'shop', proof.backupId, world.keys)).toEqual([{ ...proof, durationMs: 1 }]);
      await world.store.delete([`shop/proofs/${proof.backupId}/folder`]);
    });

    it('fails when an assertion finds another value, and shows every result', async () => {
      const proof = await prove({
        grade: 'restored',
        assertions: [
          { name: 'wrong', sql: 'SELECT count(*) FROM customers', expect: '1' },
          { name: 'right', sql: 'SELECT 1', expect: '1' },
        ],
      });
      expect(proof).toMatchObject({ grade: 'intact', failure: { class: 'data', code: 'VERIFY_ASSERTION_FAILED' } });
      expect(proof.assertions).toEqual([
        { name: 'wrong', ok: false, expected: '1', actual: '3000' },
        { name: 'right', ok: true, expected: '1', actual: '1' },
      ]);
    });

    it('says nothing about the copy when an assertion cannot be run as one query that reads', async () => {
      const sql = [
        'DELETE FROM customers',
        'SELECT 1; SELECT 2',
        'SELECT generate_series(1, 2)',
        'SELECT 1, 2',
        'SELECT nowhere',
        'ROLLBACK',
      ];
      const proof = await prove({
        grade: 'restored',
        assertions: sql.map((text) => ({ name: text, sql: text, expect: '1' })),
      });
      expect(proof).toMatchObject({
        grade: 'intact',
        failure: { class: 'not-tested', code: 'VERIFY_ASSERTION_BROKEN' },
      });
      expect(proof.assertions.map(({ name, ok }) => [name, ok])).toEqual(sql.map((text) => [text, false]));
      expect(proof.assertions.every(({ actual }) => actual.startsWith('error: '))).toBe(true);
    });

    it('throws when it is cancelled, and leaves nothing behind', async () => {
      const controller = new AbortController();
      const running = prove({
        signal: controller.signal,
        onProgress: ({ step }) => step.startsWith('restoring: rows') && controller.abort(new Error('cancelled')),
      });
      await expect(running).rejects.toThrow('cancelled');
      expect(existsSync(world.scratchDir) ? await readdir(world.scratchDir) : []).toEqual([]);
    });
  },
);

const newest = installedMajors().at(-1)!;
(newest > 15 ? describe : describe.skip)('the proof of a copy in a newer server than the source', () => {
  it('is exact too, and raises no false alarm', async () => {
    const source = await startPostgres({ major: 15 });
    // Only for its programs, at a place that every user may enter.
    const newer = await startPostgres({ major: newest });
    const world = await proofWorld([newer.binDir]);
    try {
      const everything = await source.createDatabase('everything');
      loadFixture(source.binDir, everything, 'everything.sql');
      // The newer server here may be built without libxml.
      await source.sql('TRUNCATE app.xml_values', 'everything');
      const copy = await world.backUp(everything);
      const { manifest } = copy;
      // As on a machine where no server of version 15 is installed: the next newer one serves.
      const summary = { ...manifest.body.summary, serverVersionNum: newest * 10_000 };
      const reader = { ...copy, manifest: { ...manifest, body: { ...manifest.body, summary } } };
      const proof = await proveCopy(world.request(reader));
      expect(proof).toMatchObject({ grade: 'exact', failure: null });
      expect(proof.serverVersion).toContain(`PostgreSQL) ${newest}`);
    } finally {
      await source.stop();
      await newer.stop();
      await world.remove();
    }
  });
});
