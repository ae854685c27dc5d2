import { proofKey } from '../../../src/repository/layout';
import type { ProofRecord, RepositoryKeys } from '../../../src/repository/types';
import { canonicalJson, readProofs, writeProof } from '../../../src/verify/proof-store';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys } from '../../support/repository';

const OTHER_ID = '20261121T102530Z-full-5e6f7a8b';
const proof: ProofRecord = {
  format: 1,
  backupId: BACKUP_ID,
  database: 'orders',
  store: 'disk',
  grade: 'exact',
  asked: 'exact',
  startedAt: '2027-01-01T00:00:00.000Z',
  durationMs: 1_500,
  restoreMs: 900,
  compared: { objects: 12, sealedBytes: 12_000, tables: 1, rows: 1, segments: 12, assertions: 1 },
  assertions: [{ name: 'has rows', ok: true, expected: '1', actual: '1' }],
  failure: null,
  serverVersion: '15.18',
};

describe('proofs beside a backup', () => {
  let keys: RepositoryKeys;
  let store: MemoryStore;
  beforeAll(async () => {
    keys = await makeKeys();
  });
  beforeEach(() => {
    store = createMemoryStore('disk');
  });

  const key = proofKey('orders', BACKUP_ID, 'disk');
  const put = (at: string, body: Buffer | string) => store.put(at, Buffer.from(body));
  const read = async (database = 'orders', backupId = BACKUP_ID) => {
    const refused: string[] = [];
    const found = await readProofs(store, database, backupId, keys, { onRefused: (at) => refused.push(at) });
    return { found, refused };
  };

  it('are read back as they were written', async () => {
    expect(await writeProof(store, proof, keys)).toBe(true);
    expect(await read()).toEqual({ found: [proof], refused: [] });
  });

  it('count for nothing without a signature, or with that of a stranger', async () => {
    await put(key, `${canonicalJson(proof)}\n`);
    expect(await read()).toEqual({ found: [], refused: [key] });
    await writeProof(store, proof, await makeKeys());
    expect(await read()).toEqual({ found: [], refused: [key] });
  });

  it('count for nothing at whatever byte they were changed or cut', async () => {
    await writeProof(store, { ...proof, grade: 'stored' }, keys);
    const sound = store.objects.get(key)!.body;
    for (let at = 0; at < sound.length; at++) {
      const changed = Buffer.from(sound);
      changed[at]! ^= 1;
      for (const body of [changed, sound.subarray(0, at)]) {
        await put(key, body);
        expect(await read()).toEqual({ found: [], refused: [key] });
      }
    }
  });

  it('count for nothing under the name of another copy, backup or database', async () => {
    await writeProof(store, proof, keys);
    const { body } = store.objects.get(key)!;
    await store.delete([key]);
    const elsewhere = [
      ['orders', BACKUP_ID, 'offsite'],
      ['orders', OTHER_ID, 'disk'],
      ['billing', BACKUP_ID, 'disk'],
    ] as const;
    for (const [database, backupId, name] of elsewhere) {
      await put(proofKey(database, backupId, name), body);
      expect(await read(database, backupId)).toMatchObject({ found: [], refused: [expect.any(String)] });
    }
  });

  it('are not written by a process that cannot sign, which leaves the signed one that is there', async () => {
    await writeProof(store, proof, keys);
    expect(await writeProof(store, { ...proof, grade: 'stored' }, { signingKey: null })).toBe(false);
    expect((await read()).found).toEqual([proof]);
  });
});
