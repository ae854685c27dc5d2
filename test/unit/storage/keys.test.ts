import path from 'node:path';
import fc from 'fast-check';
import { assertKey, assertPrefix, normalisePrefix } from '../../../src/storage/keys';

const valid = (key: string) => {
  try {
    assertKey(key, 's');
    return true;
  } catch {
    return false;
  }
};

describe('keys', () => {
  it('never lead out of the folder that they are joined to', () => {
    const piece = fc.constantFrom('..', '.', '/', 'a', '\\', ' ', '\0', '%2e', '.a', '...', '-', 'é', '~');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((p) => p.join('')),
          fc.string(),
        ),
        (key) => {
          if (!valid(key)) return;
          const joined = path.join('/srv/store', key);
          expect(joined).toBe(`/srv/store/${key}`);
          expect(joined.startsWith('/srv/store/')).toBe(true);
          expect(Buffer.byteLength(key)).toBe(key.length);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('are those that the repository makes', () => {
    for (const key of [
      'holdfast.json',
      'orders/segments/ab/abcd',
      'orders/manifests/20261121T092530Z-full-1a2b3c4d',
      '.holdfast-canary/x',
    ])
      expect(valid(key)).toBe(true);
  });

  it('never lie where adapters keep their unfinished files', () => {
    expect(valid('.holdfast-tmp/x')).toBe(false);
    expect(valid('a/.holdfast-tmp')).toBe(true);
  });

  it('have every beginning of theirs as a list prefix', () => {
    const key = 'orders/segments/.a/ab.c';
    for (let end = 0; end <= key.length; end++) {
      if (key.slice(0, end).endsWith('/.')) continue;
      expect(() => assertPrefix(key.slice(0, end), 's')).not.toThrow();
    }
    for (const prefix of ['/', 'a//', '../', '..', 'a/../', 'a b']) expect(() => assertPrefix(prefix, 's')).toThrow();
  });

  it('get a prefix of the store that is empty or ends in a slash', () => {
    expect(normalisePrefix('', 's')).toBe('');
    expect(normalisePrefix('/a/b', 's')).toBe('a/b/');
    expect(normalisePrefix('a/', 's')).toBe('a/');
    expect(() => normalisePrefix('a/../b', 's')).toThrow(/prefix/);
  });
});
