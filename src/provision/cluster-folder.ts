import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isReachableByOthers } from './reach';
import type { OsUser } from './server-user';

/** Linux allows 107 bytes for a socket's path; PostgreSQL adds `/.s.PGSQL.65535.lock`. */
const LONGEST_SOCKET_FOLDER = 80;

export interface ClusterFolder {
  /** Where the server's user may work: data directory, sockets. */
  readonly root: string;
  readonly dataDir: string;
  readonly socketDir: string;
}

/**
 * Prepares the folder of an embedded cluster for the user that the server runs as. Where that user may not enter
 * `folder` (root's home, say), the files live under /var/lib/holdfast and `folder/cluster` is a link to them.
 */
export function prepareClusterFolder(folder: string, user: OsUser | null): ClusterFolder {
  mkdirSync(folder, { recursive: true });
  const inside = join(folder, 'cluster');
  const root = !user || isReachableByOthers(folder) ? inside : join('/var/lib/holdfast', hashOf(folder));
  if (root !== inside) {
    if (!lstatSync(inside, { throwIfNoEntry: false })?.isSymbolicLink()) {
      // Of a folder that was removed and made again: its cluster is not the new folder's, and not ours to delete.
      if (existsSync(root)) renameSync(root, `${root}-left-${Date.now()}`);
      rmSync(inside, { recursive: true, force: true });
      symlinkSync(root, inside);
    }
    mkdirSync(root, { recursive: true });
  }
  own(root, user);
  const near = join(root, 'socket');
  const socketDir = near.length <= LONGEST_SOCKET_FOLDER ? near : join('/tmp', `holdfast-${hashOf(folder)}`);
  own(socketDir, user);
  return { root, dataDir: join(root, 'data'), socketDir };
}

/** Removes what `prepareClusterFolder` made, the part outside of `folder` included. */
export function removeClusterFolder(folder: string): void {
  rmSync(join(folder, 'cluster'), { recursive: true, force: true });
  rmSync(join('/var/lib/holdfast', hashOf(folder)), { recursive: true, force: true });
  rmSync(join('/tmp', `holdfast-${hashOf(folder)}`), { recursive: true, force: true });
}

function own(path: string, user: OsUser | null): void {
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // A folder in /tmp that somebody else made first is not ours to use.
  if (!user && lstatSync(path).uid !== process.getuid?.()) throw new Error(`${path} belongs to another user`);
  if (user) chownSync(path, user.uid, user.gid);
  chmodSync(path, 0o700);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
