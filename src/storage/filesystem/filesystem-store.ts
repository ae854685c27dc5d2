import { constants } from 'node:fs';
import { link, lstat, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { FilesystemStoreConfig } from '../../config/schema';
import { storageError } from '../../errors/storage';
import { assertKey, assertPrefix, normalisePrefix } from '../keys';
import type {
  CallOptions,
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from '../object-store';
import { assertRange } from '../range';
import { throwIfAborted } from '../timing';
import { errnoOf, filesystemError } from './errors';
import { Folders, syncFolder } from './folders';
import { Staging } from './staging';
import { describe, isAbsent, walk } from './walk';

const READ_SLICE = 4 * 1024 * 1024;
/** How often a put looks again for a folder that somebody removes because it was empty. */
const FOLDER_RACES = 20;

/** Objects as files below `path`/`prefix`. The first put makes the folder; one that vanishes later is not made again. */
export function createFilesystemStore(config: FilesystemStoreConfig): ObjectStore {
  return new FilesystemStore(config);
}

class FilesystemStore implements ObjectStore {
  readonly kind = 'filesystem';
  readonly capabilities = { createOnly: true, serverChecksum: false };
  readonly name: string;
  private readonly root: string;
  private readonly folders: Folders;
  private readonly staging: Staging;

  constructor(config: FilesystemStoreConfig) {
    this.name = config.name;
    this.root = path.join(path.resolve(config.path), normalisePrefix(config.prefix, config.name), '.');
    this.folders = new Folders(this.name, this.root);
    this.staging = new Staging(this.name, this.folders, config.minFree);
  }

  put(key: string, body: Buffer, options: PutOptions = {}): Promise<PutResult> {
    return this.guarded(key, options, () =>
      this.staging.with(body, options.signal, async (temporary) => {
        const target = this.locate(key);
        for (let race = 0; ; race++) {
          await this.folders.ensure(path.dirname(target));
          try {
            return await publish(temporary, target, options.createOnly ?? false);
          } catch (error) {
            // A delete found the folder empty and removed it between the two steps.
            if (errnoOf(error) !== 'ENOENT' || race >= FOLDER_RACES) throw error;
            this.folders.forget(path.dirname(target));
          }
        }
      }),
    );
  }

  get(key: string, options: GetOptions = {}): Promise<Buffer> {
    assertRange(options.range);
    return this.guarded(key, options, async () => {
      const target = this.locate(key);
      await this.folders.assertInside(path.dirname(target));
      let handle;
      try {
        handle = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW);
      } catch (error) {
        if (isAbsent(error)) throw this.missing(key, error);
        throw error;
      }
      try {
        const found = await handle.stat();
        if (!found.isFile()) throw this.missing(key);
        const start = Math.min(options.range?.start ?? 0, found.size);
        const end = Math.min(options.range?.end ?? found.size, found.size);
        const body = Buffer.allocUnsafeSlow(end - start);
        for (let at = 0; at < body.length;) {
          throwIfAborted(options.signal);
          const { bytesRead } = await handle.read(body, at, Math.min(READ_SLICE, body.length - at), start + at);
          if (bytesRead === 0)
            throw storageError('STORE_TRANSFER_DAMAGED', 'the file became shorter while it was read', {
              context: { store: this.name, key },
            });
          at += bytesRead;
        }
        return body;
      } finally {
        await handle.close();
      }
    });
  }

  head(key: string, options: CallOptions = {}): Promise<ObjectInfo | null> {
    return this.guarded(key, options, async () => {
      await this.folders.assertInside(path.dirname(this.locate(key)));
      return describe(this.root, key);
    });
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    assertPrefix(prefix, this.name);
    throwIfAborted(options.signal);
    try {
      await this.folders.assertPresent();
      await this.folders.assertInside(path.dirname(path.join(this.root, `${prefix}_`)));
      yield* walk(this.root, { prefix, after: options.after, signal: options.signal });
    } catch (error) {
      throw filesystemError(error, { store: this.name, path: this.root });
    }
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) assertKey(key, this.name);
    for (const key of keys)
      await this.guarded(key, options, async () => {
        const target = this.locate(key);
        const folder = path.dirname(target);
        await this.folders.assertInside(folder);
        try {
          await unlink(target);
          await syncFolder(folder);
        } catch (error) {
          // A folder of other objects is no object of this name.
          if (!isAbsent(error) && errnoOf(error) !== 'EISDIR') throw error;
        }
        await this.folders.prune(folder);
      });
  }

  async close(): Promise<void> {
    // Handles are opened and closed within each call.
  }

  private locate(key: string): string {
    return path.join(this.root, key);
  }

  private missing(key: string, cause?: unknown): Error {
    return storageError('STORE_OBJECT_MISSING', '', { context: { store: this.name, key }, cause });
  }

  private async guarded<T>(key: string, options: CallOptions, work: () => Promise<T>): Promise<T> {
    assertKey(key, this.name);
    throwIfAborted(options.signal);
    try {
      await this.folders.assertPresent();
      return await work();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') this.folders.forgetAll();
      throw filesystemError(error, { store: this.name, path: this.root, key });
    }
  }
}

/** Makes the finished file visible under its name, durably. Linking fails when the name exists; renaming replaces. */
async function publish(temporary: string, target: string, createOnly: boolean): Promise<PutResult> {
  let created = true;
  if (createOnly) {
    try {
      await link(temporary, target);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || (await lstat(target)).isDirectory()) throw error;
      created = false;
    }
  } else {
    await rename(temporary, target);
  }
  // Also when another created it: whoever relies on the object must not lose it to a power cut.
  await syncFolder(path.dirname(target));
  return { created };
}
