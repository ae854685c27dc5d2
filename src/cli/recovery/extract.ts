/** `holdfast extract`: writes the files of a backup out as they were dumped, for pg_restore, psql, or a look. */
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { verifyError } from '../../errors/verify';
import { isFilePath } from '../../repository/layout';
import type { BackupReader } from '../../repository/types';
import { withCopy, type CopyRequest } from './open-copy';

export interface ExtractRequest extends CopyRequest {
  /** A new or empty folder; made with mode 0700. */
  readonly outDir: string;
  readonly onProgress?: (progress: { readonly path: string; readonly bytes: number; readonly total: number }) => void;
}

export interface ExtractReport {
  readonly database: string;
  readonly backupId: string;
  readonly outDir: string;
  readonly files: number;
  readonly bytes: number;
}

export async function extract(request: ExtractRequest): Promise<ExtractReport> {
  return withCopy(request, async ({ reader, database, backupId }) => {
    const written = await extractFiles(reader, request);
    return { database, backupId, outDir: resolve(request.outDir), ...written };
  });
}

/** Writes every file of an opened backup. On failure what was written is removed: a part looks too much like a whole. */
export async function extractFiles(
  reader: Pick<BackupReader, 'manifest' | 'readFile'>,
  request: Pick<ExtractRequest, 'outDir' | 'signal' | 'onProgress'>,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { body } = reader.manifest;
  const outDir = resolve(request.outDir);
  const places = body.files.map((file) => ({ ...file, to: placeOf(outDir, file.path) }));
  const made = await mkdir(outDir, { recursive: true, mode: 0o700 });
  if ((await readdir(outDir)).length > 0)
    throw verifyError('EXTRACT_DIR_NOT_EMPTY', '', { context: { folder: outDir } });
  const total = places.reduce((sum, file) => sum + file.bytes, 0);
  let bytes = 0;
  try {
    for (const { path, to } of places) {
      request.signal.throwIfAborted();
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      // Never through a link, never over anything.
      const file = await open(to, 'wx', 0o600);
      try {
        for await (const chunk of reader.readFile(path, { signal: request.signal })) {
          await file.writeFile(chunk);
          bytes += chunk.length;
          request.onProgress?.({ path, bytes, total });
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
    // What belongs to what, for whoever puts the rows back by hand.
    await writeFile(join(outDir, 'summary.json'), `${JSON.stringify(body.summary, null, 2)}\n`, {
      mode: 0o600,
      flag: 'wx',
    });
  } catch (error) {
    await empty(outDir, made !== undefined);
    throw error;
  }
  return { files: places.length, bytes };
}

/** Where a file goes; a path that would leave the folder, or that Holdfast would never have written, is refused. */
export function placeOf(outDir: string, path: string): string {
  const to = resolve(outDir, path);
  if (!isFilePath(path) || path === 'summary.json' || !to.startsWith(`${outDir}${sep}`))
    throw verifyError('EXTRACT_PATH_REFUSED', '', { context: { path: JSON.stringify(path.slice(0, 200)) } });
  return to;
}

/** The folder was empty before, so all that is in it came from here. */
async function empty(outDir: string, andFolder: boolean): Promise<void> {
  const names = await readdir(outDir).catch(() => [] as string[]);
  for (const name of names) await rm(join(outDir, name), { recursive: true, force: true });
  if (andFolder) await rm(outDir, { recursive: true, force: true });
}
