import { randomBytes } from 'node:crypto';
import { open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import { storageError } from '../../errors/storage';
import { RESERVED_PART } from '../keys';
import { throwIfAborted } from '../timing';
import type { Folders } from './folders';

const SLICE = 4 * 1024 * 1024;
const FILE_MODE = 0o640;
/** What a dead process left is removed at this age, ms; no write takes so long. */
export const STALE_AFTER_MS = 24 * 60 * 60 * 1000;

/** Unfinished files: written and synced in a folder of their own, on the filesystem of the store. */
export class Staging {
  readonly folder: string;
  private pendingBytes = 0;
  private swept: Promise<void> | null = null;

  constructor(
    private readonly store: string,
    private readonly folders: Folders,
    private readonly minFree: number,
  ) {
    this.folder = path.join(folders.root, RESERVED_PART);
  }

  /** Writes a synced temporary file and hands its path to `publish`; afterwards it is gone whatever happened. */
  async with<T>(body: Buffer, signal: AbortSignal | undefined, publish: (temporary: string) => Promise<T>): Promise<T> {
    await this.folders.ensure(this.folder);
    // A sweep that fails is no reason not to write.
    await (this.swept ??= this.sweep().catch(() => undefined));
    this.pendingBytes += body.length;
    const temporary = path.join(this.folder, `${process.pid}-${randomBytes(12).toString('hex')}`);
    try {
      await this.assertSpace();
      await this.write(temporary, body, signal);
      return await publish(temporary);
    } finally {
      this.pendingBytes -= body.length;
      // Gone already after a rename; one that cannot be removed is swept by age.
      await unlink(temporary).catch(() => undefined);
    }
  }

  private async write(temporary: string, body: Buffer, signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal);
    const handle = await open(temporary, 'wx', FILE_MODE);
    try {
      for (let at = 0; at < body.length;) {
        throwIfAborted(signal);
        at += (await handle.write(body, at, Math.min(SLICE, body.length - at), at)).bytesWritten;
      }
      throwIfAborted(signal);
      await handle.sync();
    } finally {
      await handle.close();
    }
    throwIfAborted(signal);
  }

  /** Counts what this process is about to write too: several puts at once must not use the same free space. */
  private async assertSpace(): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    const free = bavail * bsize;
    if (free - this.pendingBytes >= this.minFree) return;
    throw storageError('STORE_FULL', 'the write would leave less free space than minFree', {
      context: { store: this.store, path: this.folders.root, freeBytes: free, minFreeBytes: this.minFree },
    });
  }

  private async sweep(): Promise<void> {
    const before = Date.now() - STALE_AFTER_MS;
    for (const name of await readdir(this.folder)) {
      const file = path.join(this.folder, name);
      // Another process may sweep at the same time: what is gone is gone.
      const found = await stat(file).catch(() => null);
      if (found?.isFile() && found.mtimeMs < before) await unlink(file).catch(() => undefined);
    }
  }
}
