import { statfs } from 'node:fs/promises';
import path from 'node:path';

/** Bytes that may still be written on the disk of a folder, or of its nearest parent that exists; null when none can be asked. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const facts = await statfs(at).catch(() => null);
    if (facts !== null) return facts.bavail * facts.bsize;
    if (path.dirname(at) === at) return null;
  }
}
