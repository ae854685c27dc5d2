import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { createOpener, createSealer } from '../../../src/repository/age';
import { createNamer, openSegment, sealSegment, sha256Hex } from '../../../src/repository/segment';
import type { SegmentRef } from '../../../src/repository/types';
import { makeKeys, noise } from '../../support/repository';

async function world() {
  const keys = await makeKeys();
  const namer = await createNamer(keys.idKey);
  return {
    keys,
    namer,
    sealer: await createSealer(keys.recipients),
    opener: createOpener(keys.identities),
  };
}

describe('a segment', () => {
  it('opens to what was sealed, and is named by the hash of what is stored', async () => {
    const { namer, sealer, opener } = await world();
    for (const plain of [noise(1), noise(70_000), Buffer.alloc(300_000, 'a')]) {
      const { ref, sealed } = await sealSegment(plain, { namer, sealer, zstdLevel: 1 });
      expect(await sha256Hex(sealed!)).toBe(ref.object);
      expect(ref).toMatchObject({ id: await namer.idOf(plain), plainBytes: plain.length, sealedBytes: sealed!.length });
      expect((await openSegment(sealed!, ref, { namer, opener })).equals(plain)).toBe(true);
    }
  });

  it('has the same id however its bytes arrive, and another under another id key', async () => {
    const { namer } = await world();
    const running = namer.start();
    for (let at = 0; at < 1000; at += 37) running.update(noise(1000).subarray(at, at + 37));
    expect(running.id()).toBe(await namer.idOf(noise(1000)));
    const other = await createNamer((await makeKeys()).idKey);
    expect(await other.idOf(noise(1000))).not.toBe(await namer.idOf(noise(1000)));
  });

  it('is not compressed again when it is known', async () => {
    const { namer, sealer } = await world();
    const known: SegmentRef = { id: 'x', object: 'y', plainBytes: 10, sealedBytes: 9 };
    const found = await sealSegment(noise(10), { namer, sealer, zstdLevel: 1, lookup: () => known });
    expect(found).toEqual({ ref: known, sealed: null });
  });

  it('is refused when one bit differs, before anything is decrypted', async () => {
    const { namer, sealer } = await world();
    const { ref, sealed } = await sealSegment(noise(5000), { namer, sealer, zstdLevel: 1 });
    const opener = { known: () => null, open: () => Promise.reject(new Error('decrypted')) };
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed!.length - 1), fc.nat(7), async (at, bit) => {
        const bytes = Buffer.from(sealed!);
        bytes[at]! ^= 1 << bit;
        const opened = openSegment(bytes, ref, { namer, opener }, { store: 'a' });
        await expect(opened).rejects.toMatchObject({ code: 'REPO_SEGMENT_DAMAGED', context: { store: 'a' } });
      }),
      { numRuns: 100 },
    );
  });

  it('that would unpack to more than the manifest states is refused without unpacking it', async () => {
    const { namer, sealer, opener } = await world();
    const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    const sealed = sealer.seal([bomb]);
    const ref = { id: '0'.repeat(64), object: await sha256Hex(sealed), plainBytes: 1024, sealedBytes: sealed.length };
    const before = process.memoryUsage().arrayBuffers;
    await expect(openSegment(sealed, ref, { namer, opener })).rejects.toMatchObject({ code: 'REPO_SEGMENT_DAMAGED' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });

  it('with other content under a right name is refused', async () => {
    const { namer, sealer, opener } = await world();
    const a = await sealSegment(noise(500, 1), { namer, sealer, zstdLevel: 1 });
    const b = await sealSegment(noise(500, 2), { namer, sealer, zstdLevel: 1 });
    const opened = openSegment(a.sealed!, { ...a.ref, id: b.ref.id }, { namer, opener });
    await expect(opened).rejects.toMatchObject({ code: 'REPO_SEGMENT_DAMAGED' });
  });
});
