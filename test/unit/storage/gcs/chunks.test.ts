import fc from 'fast-check';
import { CRC32C } from '@google-cloud/storage';
import { gcsStoreSchema } from '../../../../src/config/schema';
import { assertChunkSize, CHUNK_UNIT, chunkAt, contentRange, heldBytes } from '../../../../src/storage/gcs/chunks';
import { crc32c, crc32cBase64 } from '../../../../src/storage/gcs/crc32c';

describe('chunks', () => {
  it('cover an object once, in order, in whole units but for the last, wherever the store says that it stands', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 * CHUNK_UNIT }),
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 8 })),
        (total, units, kept) => {
          const size = units * CHUNK_UNIT;
          let offset = 0;
          for (let rounds = 0; offset < total; rounds++) {
            expect(rounds).toBeLessThan(1 + total / CHUNK_UNIT);
            const chunk = chunkAt(offset, total, size);
            expect(chunk.start).toBe(offset);
            expect(chunk.end).toBeGreaterThan(chunk.start);
            expect(chunk.end).toBeLessThanOrEqual(total);
            if (chunk.end < total) expect((chunk.end - chunk.start) % CHUNK_UNIT).toBe(0);
            // The store keeps whole units, at least one, perhaps not all.
            const keeps = Math.min(chunk.end, chunk.start + kept.next().value! * CHUNK_UNIT);
            expect(heldBytes(`bytes=0-${keeps - 1}`, total)).toBe(keeps);
            offset = keeps;
          }
        },
      ),
    );
  });

  it('are named as Google reads them', () => {
    expect(contentRange(1000)).toBe('bytes */1000');
    expect(contentRange(1000, { start: 0, end: 1000, total: 1000 })).toBe('bytes 0-999/1000');
    expect(heldBytes(undefined, 1000)).toBe(0);
    expect(heldBytes('bytes=0-999', 1000)).toBe(1000);
    for (const wrong of ['bytes=1-5', 'bytes=0-1000', '0-5', 'bytes=0-', '']) expect(heldBytes(wrong, 1000)).toBeNull();
  });

  it.each([0, -CHUNK_UNIT, 1000, CHUNK_UNIT + 1, 1.5 * CHUNK_UNIT, NaN])('of %p bytes are refused', (bytes) => {
    expect(() => assertChunkSize(bytes)).toThrow(RangeError);
  });

  it('of a size that Google would refuse are refused in the config, with the path of the field', () => {
    const settings = { name: 'gcs', adapter: 'gcs', bucket: 'my-backups' };
    const refused = gcsStoreSchema.safeParse({ ...settings, chunkSize: '1MB' });
    expect(refused.error?.issues[0]).toMatchObject({ path: ['chunkSize'], message: expect.stringMatching(/256KiB/) });
    expect(gcsStoreSchema.parse({ ...settings, chunkSize: '512KiB' }).chunkSize).toBe(512 * 1024);
    expect(() => assertChunkSize(gcsStoreSchema.parse(settings).chunkSize)).not.toThrow();
  });
});

describe('CRC32C', () => {
  it('has the value that the standard gives', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  });

  it("is that of Google's own client for any body", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const theirs = new CRC32C();
        theirs.update(Buffer.from(bytes));
        expect(crc32cBase64(bytes)).toBe(theirs.toString());
      }),
    );
  });
});
