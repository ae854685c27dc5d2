/** Fault 9 at every provider (folders: damage.test.ts): bytes are harmed below the provider, found, told by their copy, and healed. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { checkCopy } from '../../src/repository/check';
import { ensureRepository } from '../../src/repository/ensure';
import { fillCopy } from '../../src/repository/fill-copy';
import { manifestKey } from '../../src/repository/layout';
import { openBackup, readInventory } from '../../src/repository/reader';
import type { Inventory, RepositoryKeys } from '../../src/repository/types';
import type { ObjectStore } from '../../src/storage/object-store';
import { folderStore } from '../support/format-world';
import { CONTENT, MANIFEST, OTHER_ID, SEGMENT, writeGoodCopy, type GoodCopy } from '../support/good-copy';
import { BACKUP_ID, writeBackup, writerOptions } from '../support/repository';
import { NETWORK_KINDS, startStoreWorld, type StoreWorld } from '../support/store-worlds';

const FORGED_ID = '20261121T112530Z-full-00000000';

let origin: GoodCopy;
let keys: RepositoryKeys;
let good: ObjectStore;
let inventory: Inventory;
beforeAll(async () => {
  origin = await writeGoodCopy('damaged-copies');
  ({ keys, inventory, store: good } = origin);
});
afterAll(() => origin?.remove());

const keyOf = (index: number) => origin.keyOf(index);
const at = { database: 'orders', backupId: BACKUP_ID };

const readEverything = (store: ObjectStore) => origin.readEverything(store);

describe.each(NETWORK_KINDS)('a copy in a store of the kind %s', (kind) => {
  let world: StoreWorld;
  let store: ObjectStore;
  const file = (key: string) => world.file('', key);
  /** Changes the stored bytes of an object without the provider's knowledge. */
  const harm = (key: string, change: (bytes: Buffer) => Buffer) =>
    writeFileSync(file(key), change(readFileSync(file(key))));
  const fill = (backupId: string, heal = false) =>
    fillCopy({ sources: [good], target: store, database: 'orders', backupId, keys, heal });

  beforeAll(async () => {
    world = await startStoreWorld(kind);
    store = world.open({ name: 'bad', limits: { retries: 0 } });
    await ensureRepository(store, keys);
    for (const backupId of [BACKUP_ID, OTHER_ID]) await fill(backupId);
    await readEverything(store);
  }, 60_000);
  afterAll(async () => {
    await store?.close();
    await world?.stop();
  });

  /** Named by the reader, found at rest, healed, whole again. */
  const expectDetectedAndHealed = async (code: string, object?: string) => {
    await expect(readEverything(store)).rejects.toMatchObject({
      code,
      fault: 'data',
      context: { store: 'bad', database: 'orders', backup: BACKUP_ID, ...(object && { object }) },
    });
    if (object !== undefined) {
      const check = await checkCopy({ store, inventory, grade: 'intact' });
      expect(check.grade).toBeNull();
      expect([...check.missing, ...check.damaged]).toContain(object);
    }
    await fill(BACKUP_ID, true);
    await readEverything(store);
    expect((await checkCopy({ store, inventory, grade: 'intact' })).grade).toBe('intact');
  };

  it('is found damaged at whatever bit of a segment was flipped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(inventory.segments.length - 1), fc.nat(), fc.nat(7), async (index, offset, bit) => {
        harm(keyOf(index), (bytes) => {
          bytes[offset % bytes.length]! ^= 1 << bit;
          return bytes;
        });
        await expectDetectedAndHealed('REPO_SEGMENT_DAMAGED', inventory.segments[index]!.object);
      }),
      { numRuns: 6 },
    );
  }, 60_000);

  it('is found damaged where a segment was cut at a chunk edge, or grew', async () => {
    const whole = readFileSync(join(origin.folder, keyOf(0)));
    const header = whole.indexOf('\n', whole.indexOf('\n--- ') + 1) + 1;
    const { object } = inventory.segments[0]!;
    for (const edge of [0, header, header + 16, header + 16 + 65_552, whole.length - 1]) {
      harm(keyOf(0), (bytes) => bytes.subarray(0, edge));
      await expectDetectedAndHealed('REPO_SEGMENT_DAMAGED', object);
    }
    harm(keyOf(0), (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]));
    await expectDetectedAndHealed('REPO_SEGMENT_DAMAGED', object);
  }, 60_000);

  it('is found damaged where two segments were swapped, although the provider knows nothing wrong with them', async () => {
    const [a, b] = [await store.get(keyOf(0)), await store.get(keyOf(1))];
    await store.put(keyOf(0), b, { replace: true });
    await store.put(keyOf(1), a, { replace: true });
    await expectDetectedAndHealed('REPO_SEGMENT_DAMAGED', inventory.segments[0]!.object);
  }, 60_000);

  it('is found incomplete where a segment is missing, and where all are', async () => {
    const { object } = inventory.segments[2]!;
    await store.delete([keyOf(2)]);
    await expectDetectedAndHealed('REPO_SEGMENT_MISSING', object);
    await store.delete(inventory.segments.map((_, index) => keyOf(index)));
    await expectDetectedAndHealed('REPO_SEGMENT_MISSING', inventory.segments[0]!.object);
  }, 60_000);

  it.each<[string, string, (bytes: Buffer) => Buffer]>([
    ['empty', 'REPO_MANIFEST_DAMAGED', () => Buffer.alloc(0)],
    ['cut in half', 'REPO_MANIFEST_DAMAGED', (all) => all.subarray(0, all.length >> 1)],
    [
      'changed in its sealed part',
      'REPO_MANIFEST_DAMAGED',
      (all) => {
        all[all.length - 40]! ^= 4;
        return all;
      },
    ],
    [
      'changed in its inventory',
      'REPO_MANIFEST_FORGED',
      (all) => Buffer.from(all.toString('latin1').replace('"rows":2', '"rows":3'), 'latin1'),
    ],
    [
      'without its signature',
      'REPO_MANIFEST_DAMAGED',
      (all) => {
        const line = all.indexOf('\n', all.indexOf('\n') + 1) + 1;
        return Buffer.concat([all.subarray(0, line), all.subarray(line + 134)]);
      },
    ],
  ])(
    'is refused when its manifest is %s, below the provider or by somebody who may write',
    async (_, code, change) => {
      harm(MANIFEST, change);
      await expectDetectedAndHealed(code);
      await store.put(MANIFEST, change(Buffer.from(await store.get(MANIFEST))), { replace: true });
      await expectDetectedAndHealed(code);
    },
    60_000,
  );

  it('is refused when its manifest is missing, or that of another backup', async () => {
    await store.delete([MANIFEST]);
    await expectDetectedAndHealed('REPO_MANIFEST_MISSING');
    const otherKey = manifestKey('orders', OTHER_ID);
    const [mine, other] = [await store.get(MANIFEST), await store.get(otherKey)];
    await store.put(MANIFEST, other, { replace: true });
    await store.put(otherKey, mine, { replace: true });
    for (const backupId of [BACKUP_ID, OTHER_ID])
      await expect(openBackup({ store, database: 'orders', backupId, keys })).rejects.toMatchObject({
        code: 'REPO_MANIFEST_MISPLACED',
      });
    await fill(OTHER_ID, true);
    await expectDetectedAndHealed('REPO_MANIFEST_MISPLACED');
  }, 60_000);

  it('is refused when somebody else has signed it', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const forger = { ...keys, signingKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string };
    await writeBackup(writerOptions(forger, [store], { segmentBytes: SEGMENT, backupId: FORGED_ID }), CONTENT);
    await expect(readInventory(store, 'orders', FORGED_ID, keys)).rejects.toMatchObject({
      code: 'REPO_SIGNER_UNKNOWN',
    });
  }, 60_000);

  it('heals another copy, and is itself passed over where it is damaged', async () => {
    const target = folderStore(join(origin.temp, `target-${kind}`), 'target');
    harm(keyOf(1), (bytes) => {
      bytes[7]! ^= 1;
      return bytes;
    });
    const alone = fillCopy({ sources: [store], target, ...at, keys });
    await expect(alone).rejects.toMatchObject({ code: 'REPO_NO_GOOD_COPY' });
    expect(await target.head(MANIFEST)).toBeNull();
    const filled = await fillCopy({ sources: [store, good], target, ...at, keys });
    expect(filled.wroteManifest).toBe(true);
    await readEverything(target);
    await expectDetectedAndHealed('REPO_SEGMENT_DAMAGED', inventory.segments[1]!.object);
  }, 60_000);
});
