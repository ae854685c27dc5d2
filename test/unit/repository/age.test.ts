import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { createOpener, createSealer } from '../../../src/repository/age';
import { noise, withTempDir } from '../../support/repository';

const CHUNK = 64 * 1024;
const SIZES = [0, 1, 15, 16, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17];

async function pair(): Promise<{ identity: string; recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

describe('sealing', () => {
  it.each(SIZES)('is undone by opening, for %i bytes', async (bytes) => {
    const { identity, recipient } = await pair();
    const sealed = (await createSealer([recipient])).seal([noise(bytes)]);
    expect((await createOpener([identity]).open(sealed)).equals(noise(bytes))).toBe(true);
  });

  it('does not depend on how the plaintext was cut into parts', async () => {
    const { identity, recipient } = await pair();
    const sealer = await createSealer([recipient]);
    const opener = createOpener([identity]);
    const plain = noise(3 * CHUNK + 5);
    const cuts = fc.array(fc.integer({ min: 0, max: plain.length }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, async (points) => {
        const edges = [0, ...points.sort((a, b) => a - b), plain.length];
        const parts = edges.slice(1).map((edge, index) => plain.subarray(edges[index], edge));
        expect((await opener.open(sealer.seal(parts))).equals(plain)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('uses another nonce for each payload, under one header', async () => {
    const { recipient } = await pair();
    const sealer = await createSealer([recipient]);
    const [a, b] = [sealer.seal([noise(100)]), sealer.seal([noise(100)])];
    const header = a.indexOf('\n', a.indexOf('\n--- ') + 1) + 1;
    expect(a.subarray(0, header).equals(b.subarray(0, header))).toBe(true);
    expect(a.subarray(header, header + 16).equals(b.subarray(header, header + 16))).toBe(false);
    expect(a.subarray(header + 16).equals(b.subarray(header + 16))).toBe(false);
  });

  it('opens for each of several recipients, and for nobody else', async () => {
    const [a, b, stranger] = await Promise.all([pair(), pair(), pair()]);
    const sealed = (await createSealer([a.recipient, b.recipient])).seal([noise(10)]);
    for (const { identity } of [a, b]) expect((await createOpener([identity]).open(sealed)).length).toBe(10);
    await expect(createOpener([stranger.identity]).open(sealed)).rejects.toMatchObject({ code: 'REPO_IDENTITY_WRONG' });
    await expect(createOpener([]).open(sealed)).rejects.toMatchObject({ code: 'REPO_IDENTITY_ABSENT' });
  });

  it('makes what age opens, and opens what age makes', async () => {
    const { identity, recipient } = await pair();
    await withTempDir(async (dir) => {
      const key = join(dir, 'key');
      const file = join(dir, 'file');
      writeFileSync(key, `${identity}\n`, { mode: 0o600 });
      for (const bytes of SIZES) {
        writeFileSync(file, (await createSealer([recipient])).seal([noise(bytes)]));
        expect(execFileSync('age', ['-d', '-i', key, file]).equals(noise(bytes))).toBe(true);
        const theirs = execFileSync('age', ['-r', recipient], { input: noise(bytes) });
        expect((await createOpener([identity]).open(theirs)).equals(noise(bytes))).toBe(true);
      }
    });
  });

  it('is refused for a recipient that is none', async () => {
    await expect(createSealer(['age1nonsense'])).rejects.toMatchObject({ code: 'REPO_KEYS_INVALID' });
    await expect(createSealer([])).rejects.toMatchObject({ code: 'REPO_KEYS_INVALID' });
  });
});

describe('opening damaged bytes', () => {
  it('fails at every bit that is flipped', async () => {
    const { identity, recipient } = await pair();
    const sealed = (await createSealer([recipient])).seal([noise(CHUNK + 100)]);
    const opener = createOpener([identity]);
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length - 1), fc.nat(7), async (at, bit) => {
        const bytes = Buffer.from(sealed);
        bytes[at]! ^= 1 << bit;
        await expect(opener.open(bytes)).rejects.toThrow();
      }),
      { numRuns: 150 },
    );
  });

  it('fails at every cut, chunk edges included', async () => {
    const { identity, recipient } = await pair();
    const sealed = (await createSealer([recipient])).seal([noise(2 * CHUNK)]);
    const opener = createOpener([identity]);
    const payload = sealed.indexOf('\n', sealed.indexOf('\n--- ') + 1) + 1 + 16;
    const edges = [0, 10, payload - 16, payload, payload + CHUNK + 16, payload + CHUNK, sealed.length - 16];
    for (const at of edges) await expect(opener.open(sealed.subarray(0, at))).rejects.toThrow();
    await expect(opener.open(Buffer.concat([sealed, Buffer.alloc(16)]))).rejects.toThrow();
  });
});
