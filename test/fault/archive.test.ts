/** Fault 24: a manifest with a true signature and hostile content (a stolen signing key) is refused whole. */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { createSealer } from '../../src/repository/age';
import { manifestKey, segmentKey } from '../../src/repository/layout';
import { openBackup, readInventory } from '../../src/repository/reader';
import type { Inventory, ManifestBody, RepositoryKeys } from '../../src/repository/types';
import type { ObjectStore } from '../../src/storage/object-store';
import { folderStore } from '../support/format-world';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../support/repository';
import { tempFolder, type TempFolder } from '../support/temp';

type Loose = Record<string, unknown>;
const CONTENT = { 'schema.dump': noise(2500), 'data/1/0.copy': noise(1024, 2) };

let temp: TempFolder;
let keys: RepositoryKeys;
let store: ObjectStore;
let inventory: Inventory;
let body: ManifestBody;
beforeAll(async () => {
  temp = await tempFolder('archive');
  keys = await makeKeys();
  store = folderStore(join(temp.path, 'store'));
  inventory = (await writeBackup(writerOptions(keys, [store]), CONTENT)).result.inventory;
  body = (await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys })).manifest.body;
});
afterAll(() => temp?.remove());

/** Puts a manifest with these contents, rightly hashed and signed, in place of the true one. */
async function plant(
  changedInventory: (inventory: Loose) => Loose,
  changedBody: (body: Loose) => Loose = (same) => same,
  packed: (text: Buffer) => Buffer = (text) => zstdCompressSync(text),
): Promise<void> {
  const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
  const unbound = structuredClone(inventory) as unknown as Loose;
  delete unbound.bodyHash;
  const draft = changedInventory(unbound);
  const text = changedBody({ ...structuredClone(body), inventoryHash: sha256(JSON.stringify(draft)) });
  const sealed = (await createSealer(keys.recipients)).seal([
    packed(Buffer.from(`${JSON.stringify(text)}\nholdfast-plan\t1\nend\n`)),
  ]);
  const line = JSON.stringify({ ...draft, bodyHash: sha256(sealed) });
  const privateKey = createPrivateKey(keys.signingKey!);
  const signature = sign(null, Buffer.from(`holdfast-inventory 1\n${line}`), privateKey).toString('base64');
  const head = `holdfast-manifest 1 ${Buffer.byteLength(line)} ${sealed.length}\n`;
  const bytes = Buffer.concat([
    Buffer.from(`${head}${line}\n${keys.verifyKeys[0]!.toString('base64')} ${signature}\n`),
    sealed,
  ]);
  await store.put(manifestKey('orders', BACKUP_ID), bytes);
}
const open = () => openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
const refused = { code: 'REPO_MANIFEST_DAMAGED', fault: 'data', context: { store: 'folder', backup: BACKUP_ID } };

it('the planting itself is right: unchanged contents are accepted', async () => {
  await plant((same) => same);
  expect((await open()).manifest.body.files).toHaveLength(2);
});

describe('a file whose path', () => {
  it.each([
    '/etc/passwd',
    '../outside',
    'a/../../b',
    'a/./b',
    'a//b',
    '',
    'a\\b',
    'C:x',
    '~/x',
    'a b',
    'a\nb',
    '-rf',
    'ü',
    'x'.repeat(600),
  ])('is %j makes the backup refused', async (path) => {
    const rename = (entries: unknown) =>
      (entries as Loose[]).map((entry, index) => (index === 1 ? { ...entry, path } : entry));
    await plant(
      (same) => same,
      (text) => ({
        ...text,
        files: rename(text.files),
        summary: { ...(text.summary as Loose), files: rename((text.summary as Loose).files), tables: [] },
      }),
    );
    await expect(open()).rejects.toMatchObject(refused);
  });
});

describe('a body that', () => {
  const bodies: [string, (text: Loose) => Loose][] = [
    ['names a segment beyond the inventory', (text) => withFile(text, { segments: [0, 1, 99] })],
    ['names a segment by a negative number', (text) => withFile(text, { segments: [0, 1, -1] })],
    [
      'has endless uses of one segment',
      (text) => withFile(text, { segments: Array.from({ length: 1_100_000 }, () => 0) }),
    ],
    ['states more bytes than its segments have', (text) => withFile(text, { bytes: 1e15 })],
    ['has a short segment in the middle of a file', (text) => withFile(text, { segments: [0, 2, 1] })],
    ['lists a file twice', (text) => ({ ...text, files: [...(text.files as Loose[]), (text.files as Loose[])[0]] })],
    ['has a file of an unknown kind', (text) => withSummaryFile(text, { kind: 'symlink' })],
    ['has a link beside a path', (text) => withFile(text, { link: '/etc/passwd' })],
    ['describes another size than is stored', (text) => withSummaryFile(text, { bytes: 1 })],
    ['leaves a stored file undescribed', (text) => withSummary(text, { files: [], tables: [] })],
    [
      'gives a table a file that is not there',
      (text) => withSummary(text, { tables: [{ ...tableOf(text), files: ['x'] }] }),
    ],
    ['belongs to another backup', (text) => ({ ...text, backupId: '20261121T092530Z-full-ffffffff' })],
    ['belongs to another inventory', (text) => ({ ...text, inventoryHash: '0'.repeat(64) })],
    ['has another format', (text) => ({ ...text, format: 2 })],
    [
      'poisons prototypes',
      (text) => JSON.parse(JSON.stringify(text).replace('{', '{"__proto__":{"polluted":1},')) as Loose,
    ],
  ];
  it.each(bodies)('%s is refused', async (_, change) => {
    await plant((same) => same, change);
    await expect(open()).rejects.toMatchObject(refused);
    expect(({} as Loose).polluted).toBeUndefined();
  });

  it('unpacks to far more than a manifest may have is refused in bounded memory', async () => {
    // 300 MiB of zeros in 30 kB: over the bound, so it is given up on the way.
    const bomb = zstdCompressSync(Buffer.alloc(300 * 1024 * 1024));
    await plant(
      (same) => same,
      (same) => same,
      () => bomb,
    );
    await expect(open()).rejects.toMatchObject(refused);
  });

  it('is no JSON, or is cut off, is refused', async () => {
    for (const text of ['', '\n', '{"format":1', '[]\n', 'null\n']) {
      await plant(
        (same) => same,
        (same) => same,
        () => zstdCompressSync(Buffer.from(text)),
      );
      await expect(open()).rejects.toMatchObject(refused);
    }
  });
});

describe('an inventory that', () => {
  const inventories: [string, (draft: Loose) => Loose][] = [
    ['has absurd segment sizes', (draft) => withSegment(draft, { plainBytes: 2 ** 50 })],
    ['has a segment larger than the segment size', (draft) => ({ ...draft, segmentBytes: 100 })],
    ['has negative sizes', (draft) => withSegment(draft, { sealedBytes: -5 })],
    ['has an object name that leads elsewhere', (draft) => withSegment(draft, { object: '../../../../etc/passwd' })],
    [
      'lists a segment twice',
      (draft) => ({ ...draft, segments: [...(draft.segments as Loose[]), (draft.segments as Loose[])[0]] }),
    ],
    ['has sums that are not right', (draft) => ({ ...draft, sealedBytes: 1 })],
    ['has an unknown field', (draft) => ({ ...draft, run: 'rm -rf /' })],
    ['has its fields in another order', ({ format, ...rest }) => ({ ...rest, format })],
    ['has numbers beyond what is exact', (draft) => ({ ...draft, rows: 1e300 })],
  ];
  it.each(inventories)('%s is refused, even by those who read no more than it', async (_, change) => {
    await plant(change);
    await expect(readInventory(store, 'orders', BACKUP_ID, keys)).rejects.toMatchObject(refused);
  });
});

it('a segment that is a zstd bomb under a true name is refused', async () => {
  const sealed = (await createSealer(keys.recipients)).seal([zstdCompressSync(Buffer.alloc(100 * 1024 * 1024))]);
  const object = createHash('sha256').update(sealed).digest('hex');
  await store.put(segmentKey('orders', object), sealed);
  const first = inventory.segments[0]!;
  await plant((draft) => ({
    ...withSegment(draft, { object, sealedBytes: sealed.length }),
    sealedBytes: inventory.sealedBytes - first.sealedBytes + sealed.length,
  }));
  const reader = await open();
  const read = readAll(reader.readFile('schema.dump'));
  await expect(read).rejects.toMatchObject({ code: 'REPO_SEGMENT_DAMAGED', context: { store: 'folder', object } });
});

function withFile(text: Loose, change: Loose): Loose {
  const [first, ...rest] = text.files as Loose[];
  return { ...text, files: [{ ...first, ...change }, ...rest] };
}
function withSummary(text: Loose, change: Loose): Loose {
  return { ...text, summary: { ...(text.summary as Loose), ...change } };
}
function withSummaryFile(text: Loose, change: Loose): Loose {
  const [first, ...rest] = (text.summary as Loose).files as Loose[];
  return withSummary(text, { files: [{ ...first, ...change }, ...rest] });
}
function tableOf(text: Loose): Loose {
  return ((text.summary as Loose).tables as Loose[])[0]!;
}
function withSegment(draft: Loose, change: Loose): Loose {
  const [first, ...rest] = draft.segments as Loose[];
  return { ...draft, segments: [{ ...first, ...change }, ...rest] };
}
