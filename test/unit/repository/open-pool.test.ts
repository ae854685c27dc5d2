import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpener, createSealer } from '../../../src/repository/age';
import { createOpenPool, type OpenPool } from '../../../src/repository/open-pool';
import { openSealed, type OpenKeys } from '../../../src/repository/open-work';
import { openBackup } from '../../../src/repository/reader';
import { createNamer, openSegment, sealSegment } from '../../../src/repository/segment';
import type { RepositoryKeys, SegmentRef } from '../../../src/repository/types';
import { until } from '../../support/children';
import { compileOpenThread } from '../../support/compiled';
import { createMemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../../support/repository';

let folder: string;
let threadFile: string;
let keys: RepositoryKeys;
const pools: OpenPool[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-open-'));
  threadFile = compileOpenThread(folder);
  keys = await makeKeys();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function openPool(options: { threadFile?: string; threads?: number; idleMs?: number } = {}): OpenPool {
  const pool = createOpenPool({ threadFile, threads: 2, ...options })!;
  pools.push(pool);
  return pool;
}

/** A sealed segment, and what opens it. */
async function sealed(plain: Buffer) {
  const [namer, sealer] = await Promise.all([createNamer(keys.idKey), createSealer(keys.recipients)]);
  const { ref, sealed } = await sealSegment(plain, { namer, sealer, zstdLevel: 1 });
  const opener = createOpener(keys.identities);
  await opener.open(sealed!);
  const known: OpenKeys = { ...opener.known(sealed!)!, idKey: keys.idKey };
  return { ref, sealed: sealed!, known, namer, opener };
}

describe('threads that open', () => {
  it('give back what was sealed, in memory of its own, and take what they were given', async () => {
    const pool = openPool();
    for (const plain of [noise(1), noise(70_000, 2), Buffer.alloc(3_000_000, 'a'), noise(500_000, 3)]) {
      const { ref, sealed: bytes, known } = await sealed(plain);
      const opened = (await pool.open(bytes, ref, known)) as Buffer;
      expect(opened.equals(plain)).toBe(true);
      expect(opened.byteOffset).toBe(0);
      expect(opened.buffer.byteLength - plain.length).toBeLessThanOrEqual(64);
      expect(bytes).toHaveLength(0);
    }
  });

  it('leave alone what a given segment is a part of', async () => {
    const { ref, sealed: bytes, known } = await sealed(noise(5000));
    const larger = Buffer.concat([bytes, noise(100)]);
    const part = larger.subarray(0, bytes.length);
    expect(Buffer.isBuffer(await openPool().open(part, ref, known))).toBe(true);
    expect(part).toHaveLength(ref.sealedBytes);
  });

  it.each<[string, (ref: SegmentRef, bytes: Buffer) => SegmentRef]>([
    ['has another hash', (ref, bytes) => ((bytes[bytes.length - 1]! ^= 1), ref)],
    ['unpacks to more', (ref) => ({ ...ref, plainBytes: ref.plainBytes - 1 })],
    ['unpacks to less', (ref) => ({ ...ref, plainBytes: ref.plainBytes + 1 })],
    ['holds other content', (ref) => ({ ...ref, id: ref.id.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) })],
    ['has an id of another kind', (ref) => ({ ...ref, id: 'short' })],
  ])('refuse a segment that %s in the words of the main thread', async (_, change) => {
    const { ref, sealed: bytes, known, namer, opener } = await sealed(noise(200_000));
    const asked = change(ref, bytes);
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(copy);
    const words = await openSegment(bytes, asked, { namer, opener }).catch((error: Error) => error.message);
    const answer = (await openPool().open(copy, asked, known)) as { damaged: string };
    // Ids of other lengths are refused by the main thread with an error of the comparison itself.
    if (asked.id !== 'short') expect(words).toContain(answer.damaged);
    expect(typeof answer.damaged).toBe('string');
  });

  it('refuse what the key does not open, though it has the hash that it is named by', async () => {
    const { ref, sealed: bytes, known } = await sealed(noise(2000));
    const wrong = { ...known, fileKey: Buffer.alloc(16, 7) };
    expect(openSealed(Buffer.from(bytes), ref, wrong)).toMatchObject({ damaged: 'the segment cannot be opened' });
  });

  it('end when there is nothing more to open, and start again when there is', async () => {
    const pool = openPool({ idleMs: 1 });
    for (let time = 0; time < 2; time++) {
      const { ref, sealed: bytes, known } = await sealed(noise(3000));
      await pool.open(bytes, ref, known);
      await until('the threads end', () => !pool.running);
    }
  });

  it('fail what they were at when one of them ends, which may be tried again', async () => {
    const broken = join(folder, 'broken.js');
    writeFileSync(
      broken,
      `require('node:worker_threads').parentPort.once('message', () => { throw new Error('no memory left') });`,
    );
    const pool = openPool({ threadFile: broken });
    for (let time = 0; time < 2; time++) {
      const { ref, sealed: bytes, known } = await sealed(noise(3000));
      await expect(pool.open(bytes, ref, known)).rejects.toMatchObject({
        code: 'REPO_OPENING_FAILED',
        retryable: true,
        cause: { message: 'no memory left' },
      });
    }
    expect(pool.running).toBe(false);
  });

  it('are not there where nothing was compiled', () => {
    expect(createOpenPool({ threadFile: join(folder, 'absent.js') })).toBeNull();
  });
});

describe('a backup that is read with threads', () => {
  const content = { 'schema.dump': noise(5000), 'data/1': noise(400_000, 2), 'data/2': Buffer.alloc(90_000, 'x') };

  it('yields the bytes that were written, and frees what is given back', async () => {
    const store = createMemoryStore('a');
    await writeBackup(writerOptions(keys, [store], { segmentBytes: 150_000 }), content);
    const threads = openPool();
    const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys, threads });
    for (const [path, bytes] of Object.entries(content))
      expect((await readAll(reader.readFile(path))).equals(bytes)).toBe(true);
    expect(threads.running).toBe(true);
    const lengths: number[] = [];
    for await (const chunk of reader.readFile('data/1')) {
      reader.release!(chunk);
      lengths.push(chunk.length);
    }
    // Small ones stay: Node may have put them where others are.
    expect(lengths).toEqual([0, 0, 100_000]);
  });

  it('reads a segment once more that was damaged on its way, and names the copy when it stays so', async () => {
    const store = createMemoryStore('a');
    await writeBackup(writerOptions(keys, [store], { segmentBytes: 150_000 }), content);
    const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys, threads: openPool() });
    await readAll(reader.readFile('schema.dump'));
    const [first] = reader.manifest.inventory.segments.filter(({ plainBytes }) => plainBytes === 150_000);
    let damaged = 1;
    const get = store.get.bind(store);
    store.get = async (...asked) => {
      const body = await get(...asked);
      if (damaged-- > 0) body[body.length - 1]! ^= 1;
      return body;
    };
    expect(await reader.readSegment(first!)).toHaveLength(150_000);
    damaged = 2;
    await expect(reader.readSegment(first!)).rejects.toMatchObject({
      code: 'REPO_SEGMENT_DAMAGED',
      context: { store: 'a', backup: BACKUP_ID, object: first!.object },
    });
  });
});
