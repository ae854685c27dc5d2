/** Fault 9: damage in a stored copy is found before a byte is handed on; the copy is named; a good copy heals it. */
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { createSealer } from '../../src/repository/age';
import { checkCopy } from '../../src/repository/check';
import { fillCopy } from '../../src/repository/fill-copy';
import { manifestKey } from '../../src/repository/layout';
import { buildManifest, parseManifest } from '../../src/repository/manifest';
import { openBackup, readInventory } from '../../src/repository/reader';
import type { Inventory, RepositoryKeys } from '../../src/repository/types';
import { storageError } from '../../src/errors/storage';
import { createStore } from '../../src/storage/create-store';
import { ForwardingStore } from '../../src/storage/decorators/forward';
import { withRetry } from '../../src/storage/decorators/retry';
import type { ObjectStore } from '../../src/storage/object-store';
import { realTiming } from '../../src/storage/timing';
import { folderStore } from '../support/format-world';
import { CONTENT, MANIFEST, OTHER_ID, SEGMENT, writeGoodCopy, type GoodCopy } from '../support/good-copy';
import { BACKUP_ID, noise, writeBackup, writerOptions } from '../support/repository';
import { startS3Server, type S3TestServer } from '../support/s3-server';

let world: GoodCopy;
let keys: RepositoryKeys;
let good: ObjectStore;
let inventory: Inventory;
let count = 0;
beforeAll(async () => {
  world = await writeGoodCopy('damage');
  ({ keys, inventory, store: good } = world);
});
afterAll(() => world?.remove());

/** A copy of the good copy that a test may harm. */
function copyOf(): { readonly store: ObjectStore; readonly path: (key: string) => string } {
  const folder = join(world.temp, `bad-${count++}`);
  cpSync(world.folder, folder, { recursive: true });
  return { store: folderStore(folder, 'bad'), path: (key) => join(folder, key) };
}
const keyOf = (index: number) => world.keyOf(index);

const readEverything = (store: ObjectStore) => world.readEverything(store);
const heal = (target: ObjectStore, from: ObjectStore = good) =>
  fillCopy({ sources: [from], target, database: 'orders', backupId: BACKUP_ID, keys, heal: true });

/** What every harm to a copy must lead to: named by the reader, found at rest, healed, whole again. */
async function expectDetectedAndHealed(
  store: ObjectStore,
  code: string,
  grade: 'stored' | 'intact' | 'manifest',
): Promise<void> {
  await expect(readEverything(store)).rejects.toMatchObject({
    code,
    fault: 'data',
    context: { store: 'bad', database: 'orders', backup: BACKUP_ID },
  });
  if (grade !== 'manifest') {
    const check = await checkCopy({ store, inventory, grade });
    expect(check.grade).toBeNull();
    expect(check.missing.length + check.damaged.length).toBeGreaterThan(0);
  }
  await heal(store);
  await readEverything(store);
  expect((await checkCopy({ store, inventory, grade: 'intact' })).grade).toBe('intact');
}

describe('a damaged segment', () => {
  it('is found at whatever bit it was flipped', async () => {
    const { store, path } = copyOf();
    await fc.assert(
      fc.asyncProperty(fc.nat(inventory.segments.length - 1), fc.nat(), fc.nat(7), async (index, at, bit) => {
        const file = path(keyOf(index));
        const before = readFileSync(file);
        const bytes = Buffer.from(before);
        bytes[at % bytes.length]! ^= 1 << bit;
        writeFileSync(file, bytes);
        await expect(readEverything(store)).rejects.toMatchObject({
          code: 'REPO_SEGMENT_DAMAGED',
          context: { store: 'bad', backup: BACKUP_ID, object: inventory.segments[index]!.object },
        });
        const check = await checkCopy({ store, inventory, grade: 'intact' });
        expect(check).toMatchObject({ grade: null, damaged: [inventory.segments[index]!.object] });
        writeFileSync(file, before);
      }),
      { numRuns: 40 },
    );
  });

  it('is found when it was cut at any chunk edge, or grew', async () => {
    const whole = readFileSync(join(world.folder, keyOf(0)));
    const header = whole.indexOf('\n', whole.indexOf('\n--- ') + 1) + 1;
    const edges = [0, 1, header, header + 16, header + 16 + 65_552, header + 16 + 2 * 65_552, whole.length - 1];
    for (const at of edges) {
      const { store, path } = copyOf();
      writeFileSync(path(keyOf(0)), whole.subarray(0, at));
      await expectDetectedAndHealed(store, 'REPO_SEGMENT_DAMAGED', 'stored');
    }
    const { store, path } = copyOf();
    writeFileSync(path(keyOf(0)), Buffer.concat([whole, Buffer.alloc(1)]));
    await expectDetectedAndHealed(store, 'REPO_SEGMENT_DAMAGED', 'stored');
  });

  it('is found when two were swapped', async () => {
    const { store, path } = copyOf();
    const [a, b] = [path(keyOf(0)), path(keyOf(1))];
    renameSync(a, `${a}.x`);
    renameSync(b, a);
    renameSync(`${a}.x`, b);
    await expectDetectedAndHealed(store, 'REPO_SEGMENT_DAMAGED', 'intact');
  });

  it('is found when it is missing', async () => {
    const { store, path } = copyOf();
    rmSync(path(keyOf(2)));
    await expectDetectedAndHealed(store, 'REPO_SEGMENT_MISSING', 'stored');
  });

  it('is found when all are gone', async () => {
    const { store, path } = copyOf();
    rmSync(path('orders/segments'), { recursive: true });
    await expectDetectedAndHealed(store, 'REPO_SEGMENT_MISSING', 'stored');
  });
});

describe('a damaged manifest', () => {
  it('is found at whatever byte it was changed or cut, before anything is opened', async () => {
    const bytes = readFileSync(join(world.folder, MANIFEST));
    const place = { database: 'orders', backupId: BACKUP_ID, store: 'bad' };
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const harmed = Buffer.from(bytes);
        harmed[at]! ^= change;
        expect(() => parseManifest(harmed, keys, place)).toThrow(/REPO_|store=bad/);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (at) => {
        expect(() => parseManifest(bytes.subarray(0, at), keys, place)).toThrow(/store=bad/);
        expect(() => parseManifest(Buffer.concat([bytes, bytes.subarray(at)]), keys, place)).toThrow(/store=bad/);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['empty', () => Buffer.alloc(0), 'REPO_MANIFEST_DAMAGED'],
    ['cut in half', (all: Buffer) => all.subarray(0, all.length >> 1), 'REPO_MANIFEST_DAMAGED'],
    [
      'of another backup',
      () => readFileSync(join(world.folder, manifestKey('orders', OTHER_ID))),
      'REPO_MANIFEST_MISPLACED',
    ],
    ['with another inventory', (all: Buffer) => replaced(all, '"rows":2', '"rows":3'), 'REPO_MANIFEST_FORGED'],
    ['with another body', (all: Buffer) => flipped(all, all.length - 40), 'REPO_MANIFEST_DAMAGED'],
  ])('that is %s is refused, and healed', async (_, harm, code) => {
    const { store, path } = copyOf();
    const file = path(MANIFEST);
    writeFileSync(file, harm(readFileSync(file)));
    await expectDetectedAndHealed(store, code, 'manifest');
  });

  it('is healed at whatever byte it was changed', async () => {
    const { store, path } = copyOf();
    const whole = readFileSync(path(MANIFEST));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const harmed = Buffer.from(whole);
        harmed[at]! ^= change;
        writeFileSync(path(MANIFEST), harmed);
        expect(await heal(store)).toMatchObject({ copiedObjects: 0, wroteManifest: true });
        expect(readFileSync(path(MANIFEST)).equals(whole)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('that is missing is said to be missing, and copied', async () => {
    const { store, path } = copyOf();
    rmSync(path(MANIFEST));
    await expectDetectedAndHealed(store, 'REPO_MANIFEST_MISSING', 'manifest');
  });

  it('of two whole backups swapped is refused for both', async () => {
    const { store, path } = copyOf();
    const [a, b] = [path(MANIFEST), path(manifestKey('orders', OTHER_ID))];
    renameSync(a, `${a}.x`);
    renameSync(b, a);
    renameSync(`${a}.x`, b);
    for (const backupId of [BACKUP_ID, OTHER_ID]) {
      const opened = openBackup({ store, database: 'orders', backupId, keys });
      await expect(opened).rejects.toMatchObject({ code: 'REPO_MANIFEST_MISPLACED' });
    }
  });

  it('with the body of another backup under a true signature is refused', async () => {
    const draft = inventory;
    const sealer = await createSealer(keys.recipients);
    const reader = await openBackup({ store: good, database: 'orders', backupId: BACKUP_ID, keys });
    const { summary, files } = reader.manifest.body;
    const one = await buildManifest(draft, { summary, files }, keys, sealer);
    const two = await buildManifest({ ...draft, startedAt: '2026-11-22T00:00:00Z' }, { summary, files }, keys, sealer);
    // Both parts are true, but they do not belong together.
    const mixed = Buffer.concat([one.bytes.subarray(0, one.bytes.length - one.sealedBody.length), two.sealedBody]);
    const place = { database: 'orders', backupId: BACKUP_ID };
    expect(() => parseManifest(mixed, keys, place)).toThrow(expect.objectContaining({ code: 'REPO_MANIFEST_DAMAGED' }));
  });

  it('signed by somebody else is refused', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const forger = { ...keys, signingKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string };
    const { store } = copyOf();
    const backupId = '20261121T112530Z-full-00000000';
    await writeBackup(writerOptions(forger, [store], { segmentBytes: SEGMENT, backupId }), CONTENT);
    const opened = readInventory(store, 'orders', backupId, keys);
    await expect(opened).rejects.toMatchObject({ code: 'REPO_SIGNER_UNKNOWN' });
  });

  it('without a signature is refused', async () => {
    const { store, path } = copyOf();
    const bytes = readFileSync(path(MANIFEST));
    const at = bytes.indexOf('\n', bytes.indexOf('\n') + 1) + 1;
    writeFileSync(path(MANIFEST), Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 134)]));
    await expectDetectedAndHealed(store, 'REPO_MANIFEST_DAMAGED', 'manifest');
  });
});

describe('healing', () => {
  let server: S3TestServer;
  beforeAll(async () => {
    server = await startS3Server();
  }, 30_000);
  afterAll(() => server?.stop());

  it('takes each object from a store that has it sound, even when no store is whole', async () => {
    const [a, b, c] = [copyOf(), copyOf(), copyOf()];
    rmSync(a.path(keyOf(0)));
    writeFileSync(b.path(keyOf(1)), noise(inventory.segments[1]!.sealedBytes));
    rmSync(c.path('orders'), { recursive: true });
    const filled = await fillCopy({
      sources: [a.store, b.store],
      target: c.store,
      database: 'orders',
      backupId: BACKUP_ID,
      keys,
    });
    expect(filled).toMatchObject({ copiedObjects: inventory.segments.length, alreadyThere: 0, wroteManifest: true });
    await readEverything(c.store);
  });

  it('replaces a flipped bit although the first upload fails and another looks like done', async () => {
    const { store, path } = copyOf();
    const bytes = readFileSync(path(keyOf(1)));
    bytes[100]! ^= 1;
    writeFileSync(path(keyOf(1)), bytes);
    let failures = 1;
    const flaky = new ForwardingStore(store);
    flaky.put = async (key, body, options) => {
      if (failures-- > 0) throw storageError('STORE_TIMEOUT');
      return store.put(key, body, options);
    };
    const timing = { ...realTiming, sleep: async () => undefined };
    expect(await heal(withRetry(flaky, { timing }))).toMatchObject({ copiedObjects: 1 });
    expect(await checkCopy({ store, inventory, grade: 'intact' })).toMatchObject({ grade: 'intact', damaged: [] });
    await readEverything(store);
  });

  it('says which object is sound nowhere, and writes no manifest', async () => {
    const [a, c] = [copyOf(), copyOf()];
    rmSync(a.path(keyOf(0)));
    rmSync(c.path('orders'), { recursive: true });
    const filling = fillCopy({ sources: [a.store], target: c.store, database: 'orders', backupId: BACKUP_ID, keys });
    await expect(filling).rejects.toMatchObject({ code: 'REPO_NO_GOOD_COPY' });
    expect(await c.store.head(MANIFEST)).toBeNull();
  });

  it('fills an S3 store from a folder, and a folder from S3, and does nothing twice', async () => {
    await server.createBucket('offsite');
    const s3 = createStore(server.storeConfig('offsite'), server.secrets);
    const request = { database: 'orders', backupId: BACKUP_ID, keys };
    const first = await fillCopy({ ...request, sources: [good], target: s3 });
    expect(first).toMatchObject({ copiedObjects: inventory.segments.length, copiedBytes: inventory.sealedBytes });
    expect(await fillCopy({ ...request, sources: [good], target: s3 })).toMatchObject({
      copiedObjects: 0,
      wroteManifest: false,
    });
    await readEverything(s3);
    const { store, path } = copyOf();
    rmSync(path('orders'), { recursive: true });
    await heal(store, s3);
    await readEverything(store);
    expect(readdirSync(path('orders'))).toEqual(['manifests', 'segments']);
    await s3.close();
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const out = Buffer.from(bytes);
  out[at]! ^= 4;
  return out;
}
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const text = bytes.toString('latin1');
  expect(text).toContain(from);
  return Buffer.from(text.replace(from, to), 'latin1');
}
