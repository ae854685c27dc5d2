import { mkdir, open, readdir, realpath, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { storageError } from '../../errors/storage';
import { RESERVED_PART } from '../keys';
import { errnoOf } from './errors';
import { isAbsent } from './walk';

const FOLDER_MODE = 0o750;
const MAX_KNOWN = 20_000;

/** The folders under one root: makes them durably, and keeps every path inside the root whatever links lie about. */
export class Folders {
  /** Folders known to exist, durably and inside the root. */
  private readonly known = new Set<string>();
  private realRoot: string | null = null;
  /** True once this process has found a store here, or has begun one. */
  private seen = false;

  constructor(
    private readonly store: string,
    readonly root: string,
  ) {}

  /**
   * Throws STORE_UNREACHABLE when the root was there and is gone, or empty: a disk that is not mounted must look neither
   * like a store that lost everything nor like a new one. The folder of unfinished files stays as long as a store does.
   */
  async assertPresent(): Promise<void> {
    if (await exists(path.join(this.root, RESERVED_PART))) {
      this.seen = true;
      return;
    }
    if (!this.seen || (await holdsAnything(this.root))) return;
    this.forgetAll();
    throw storageError('STORE_UNREACHABLE', 'the folder of the store is gone or empty, and was not before', {
      context: { store: this.store, path: this.root },
      hint: 'is its disk mounted? If it was emptied on purpose, start this process again',
    });
  }

  /** Makes `folder` and its parents, each entry synced into its parent, and checks that it is inside the root. */
  async ensure(folder: string): Promise<void> {
    if (this.known.has(folder)) return;
    await this.makeRoot();
    await this.assertInside(folder);
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    this.seen = true;
    // Somebody else may have made a parent just now and not synced it yet, so every level is synced once.
    for (let at = folder; at !== this.root && !this.known.has(at); at = path.dirname(at)) {
      await syncFolder(path.dirname(at));
      this.remember(at);
    }
  }

  /** Throws STORE_KEY_INVALID when a symbolic link leads `folder`, or what exists of it, out of the root. */
  async assertInside(folder: string): Promise<void> {
    this.realRoot ??= await realpathOrNull(this.root);
    if (this.realRoot === null) return;
    for (let at = folder; at.length > this.root.length; at = path.dirname(at)) {
      const real = await realpathOrNull(at);
      if (real === null) continue;
      if (real !== path.join(this.realRoot, path.relative(this.root, at)))
        throw storageError('STORE_KEY_INVALID', 'a symbolic link leads out of its place in the store', {
          context: { store: this.store, path: at },
          hint: 'replace the link by a folder, or by a mount (mount --bind)',
        });
      return;
    }
  }

  /** What was believed of `folder` is checked again: somebody removed it. */
  forget(folder: string): void {
    this.known.delete(folder);
  }

  /** Nothing is taken for known any more: the root itself may be gone. */
  forgetAll(): void {
    this.known.clear();
    this.realRoot = null;
  }

  /** Removes `folder` and those above it, up to the root, as far as they are empty. */
  async prune(folder: string): Promise<void> {
    for (let at = folder; at.length > this.root.length; at = path.dirname(at)) {
      this.forget(at);
      try {
        await rmdir(at);
      } catch {
        return;
      }
    }
  }

  private async makeRoot(): Promise<void> {
    if (this.known.has(this.root)) return;
    let first: string | undefined;
    try {
      first = await mkdir(this.root, { recursive: true, mode: FOLDER_MODE });
    } catch (error) {
      if (!['EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
      throw storageError('STORE_CONFIG_INVALID', 'the path of the store is not a folder', {
        context: { store: this.store, path: this.root },
        cause: error,
      });
    }
    if (first !== undefined)
      for (let at = this.root; at.length >= first.length; at = path.dirname(at)) await syncFolder(path.dirname(at));
    this.realRoot = await realpath(this.root);
    this.known.add(this.root);
  }

  private remember(folder: string): void {
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.add(folder);
  }
}

/** Makes the entries of a folder survive a power cut. Filesystems that cannot sync folders are left as they are. */
export async function syncFolder(folder: string): Promise<void> {
  let handle;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}

async function exists(target: string): Promise<boolean> {
  try {
    await stat(target);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function holdsAnything(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length > 0;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function realpathOrNull(target: string): Promise<string | null> {
  try {
    return await realpath(target);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
