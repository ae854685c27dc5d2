import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzip } from '../../../src/provision/unzip';

interface Entry {
  readonly name: string;
  readonly content: string;
  readonly mode: number;
}

/** A zip archive without compression, as small as the format allows. */
function zipOf(entries: readonly Entry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode } of entries) {
    const data = Buffer.from(content);
    const file = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(file.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, file, data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.from([20, 3]), common, tail, file]));
    bodies.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...bodies, central, Buffer.from('PK\u0005\u0006'), end]);
}

describe('unpacking an archive', () => {
  let folder: string;
  const signal = new AbortController().signal;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-unzip-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const write = (entries: readonly Entry[]) => {
    writeFileSync(join(folder, 'a.zip'), zipOf(entries));
    return unzip(join(folder, 'a.zip'), join(folder, 'out'), signal);
  };

  it('keeps permissions and links', async () => {
    await write([
      { name: 'bin/tool', content: 'run', mode: 0o100755 },
      { name: 'lib/real.so', content: 'library', mode: 0o100644 },
      { name: 'lib/link.so', content: 'real.so', mode: 0o120777 },
    ]);
    expect(statSync(join(folder, 'out/bin/tool')).mode & 0o777).toBe(0o755);
    expect(lstatSync(join(folder, 'out/lib/link.so')).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(folder, 'out/lib/link.so'))).toBe('real.so');
    expect(readFileSync(join(folder, 'out/lib/link.so'), 'utf8')).toBe('library');
  });

  it.each([
    ['a parent folder', { name: '../evil', content: 'x', mode: 0o100644 }],
    ['an absolute path', { name: '/tmp/holdfast-evil', content: 'x', mode: 0o100644 }],
    ['a link that leads out', { name: 'lib/link', content: '../../../etc/passwd', mode: 0o120777 }],
  ])('refuses an entry with %s', async (_what, entry) => {
    await expect(write([entry])).rejects.toThrow();
    expect(() => statSync(join(folder, 'evil'))).toThrow();
  });
});
