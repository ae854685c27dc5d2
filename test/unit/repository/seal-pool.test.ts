import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpener, createSealer, type Sealer } from '../../../src/repository/age';
import { openBackup } from '../../../src/repository/reader';
import { createSealPool } from '../../../src/repository/seal-pool';
import { sha256Hex, unpack } from '../../../src/repository/segment';
import type { RepositoryKeys } from '../../../src/repository/types';
import { createBackupWriter } from '../../../src/repository/writer';
import { compileSealThread } from '../../support/compiled';
import { createMemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writeFiles, writerOptions } from '../../support/repository';

let folder: string;
let threadFile: string;
let keys: RepositoryKeys;
let sealer: Sealer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-seal-'));
  threadFile = compileSealThread(folder);
  keys = await makeKeys();
  sealer = await createSealer(keys.recipients);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MEMORY = 300_000;
/** A buffer with memory of its own, longer than what it holds. */
function held(plain: Buffer): Buffer {
  const buffer = Buffer.allocUnsafeSlow(MEMORY);
  plain.copy(buffer);
  return buffer;
}

describe('threads that seal', () => {
  it('seal what age and zstd open, name it by its hash, and give the memory back', async () => {
    const pool = createSealPool({ level: 1, key: sealer.key, threadFile, threads: 2 })!;
    const opener = createOpener(keys.identities);
    try {
      const plains = [noise(1), noise(70_000, 2), Buffer.alloc(MEMORY, 'a'), noise(MEMORY, 3), noise(200_000, 4)];
      await Promise.all(
        plains.map(async (plain) => {
          const buffer = held(plain);
          const memory = buffer.buffer as ArrayBuffer;
          const sealed = await pool.seal(buffer, plain.length);
          expect(sealed.object).toBe(await sha256Hex(sealed.sealed));
          expect((await unpack(await opener.open(sealed.sealed), plain.length)).equals(plain)).toBe(true);
          // Handed over, not copied.
          expect(memory.detached).toBe(true);
          expect(sealed.buffer).toHaveLength(MEMORY);
          expect(sealed.buffer.subarray(0, plain.length).equals(plain)).toBe(true);
        }),
      );
    } finally {
      await pool.close();
    }
  });

  it('fail what is under way when they are closed, and what comes later', async () => {
    const pool = createSealPool({ level: 1, key: sealer.key, threadFile, threads: 1 })!;
    const sealing = [1, 2, 3].map((seed) => pool.seal(held(noise(200_000, seed)), 200_000));
    const settled = Promise.allSettled(sealing);
    await pool.close();
    for (const result of await settled)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'REPO_SEALING_FAILED' } });
    await expect(pool.seal(held(noise(1)), 1)).rejects.toMatchObject({ code: 'REPO_SEALING_FAILED' });
  });

  it('fail the backup when one of them ends, which may be tried again', async () => {
    const broken = join(folder, 'broken.js');
    writeFileSync(
      broken,
      `require('node:worker_threads').parentPort.once('message', () => { throw new Error('no memory left') });`,
    );
    const store = createMemoryStore('a');
    const writer = await createBackupWriter(writerOptions(keys, [store], { sealThreadFile: broken }));
    await expect(writeFiles(writer, { 'schema.dump': noise(50_000) })).rejects.toMatchObject({
      code: 'REPO_SEALING_FAILED',
      retryable: true,
      cause: { message: 'no memory left' },
    });
    await writer.abort();
    expect([...store.objects.keys()]).toEqual([]);
  });

  it('write the same backup as the main thread', async () => {
    const content = { 'schema.dump': noise(5000), 'data/1': noise(40_000, 2), 'data/2': Buffer.alloc(9_000, 'x') };
    const store = createMemoryStore('a');
    const { result } = await writeBackup(writerOptions(keys, [store], { sealThreadFile: threadFile }), content);
    const other = await writeBackup(writerOptions(keys, [createMemoryStore('b')]), content);
    const ids = (inventory: typeof result.inventory) =>
      inventory.segments.map(({ id, plainBytes }) => [id, plainBytes]);
    expect(ids(result.inventory)).toEqual(ids(other.result.inventory));
    const reader = await openBackup({ store, database: 'orders', backupId: BACKUP_ID, keys });
    for (const [path, bytes] of Object.entries(content))
      expect((await readAll(reader.readFile(path))).equals(bytes)).toBe(true);
  });

  it('stop with the backup that is cancelled', async () => {
    const cancel = new AbortController();
    const store = createMemoryStore('a');
    const options = writerOptions(keys, [store], { sealThreadFile: threadFile, signal: cancel.signal });
    const writer = await createBackupWriter(options);
    const writing = writeFiles(writer, { 'schema.dump': noise(200_000) });
    cancel.abort(new Error('cancelled by a test'));
    await expect(writing).rejects.toThrow('cancelled by a test');
    await writer.abort();
  });

  it('are not there where nothing was compiled', () => {
    expect(createSealPool({ level: 1, key: sealer.key, threadFile: join(folder, 'absent.js') })).toBeNull();
  });
});
