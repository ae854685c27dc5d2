import { createWriteStream } from 'node:fs';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import yauzl from 'yauzl';
import { provisionError } from '../errors/provision';

const FILE_TYPE = 0o170000;
const LINK = 0o120000;

/** Unpacks a zip archive (a Python wheel is one), keeping permissions and symbolic links, and nothing outside `folder`. */
export async function unzip(archive: string, folder: string, signal: AbortSignal): Promise<void> {
  const zip = await yauzl.openPromise(archive, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted();
      const path = safePath(folder, entry.fileName);
      if (entry.fileName.endsWith('/')) {
        await mkdir(path, { recursive: true });
        continue;
      }
      await mkdir(dirname(path), { recursive: true });
      const mode = entry.externalFileAttributes >>> 16;
      const content = await zip.openReadStreamPromise(entry);
      if ((mode & FILE_TYPE) === LINK) {
        const target = await text(content);
        safePath(folder, join(relative(folder, dirname(path)), target));
        await symlink(target, path);
        continue;
      }
      await pipeline(content, createWriteStream(path, { flags: 'wx' }), { signal });
      await chmod(path, (mode & 0o777 || 0o644) | 0o444);
    }
  } finally {
    zip.close();
  }
}

function safePath(folder: string, name: string): string {
  const path = resolve(folder, normalize(name));
  if (isAbsolute(name) || relative(folder, path).startsWith('..'))
    throw provisionError('PROVISION_ARCHIVE_UNSAFE', '', { context: { entry: name } });
  return path;
}
