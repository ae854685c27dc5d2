import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { provisionError } from '../errors/provision';
import type { ProvisionContext } from './context';
import { isAlive } from './process-identity';

const REFRESH_MS = 5_000;
const STALE_MS = 60_000;
const WAIT_MS = 30 * 60_000;

/**
 * Runs `work` while holding `<path>.lock`, so that two processes do not build the same thing at once. A lock whose
 * holder is gone is taken over. Should a takeover race let two in, the work is only done twice: everything that is
 * installed under a lock is put in place by one atomic rename.
 */
export async function withLock<T>(context: ProvisionContext, path: string, work: () => Promise<T>): Promise<T> {
  const lockFile = `${path}.lock`;
  const mark = `${process.pid} ${randomUUID()}`;
  await acquire(context, lockFile, mark);
  const refresh = setInterval(() => {
    const now = new Date();
    void utimes(lockFile, now, now).catch(() => undefined);
  }, REFRESH_MS);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    if ((await readFile(lockFile, 'utf8').catch(() => '')) === mark) await rm(lockFile, { force: true });
  }
}

async function acquire(context: ProvisionContext, lockFile: string, mark: string): Promise<void> {
  const candidate = `${lockFile}.${randomUUID()}`;
  await writeFile(candidate, mark, { mode: 0o600 });
  const startedAt = Date.now();
  let told = false;
  try {
    for (;;) {
      context.signal.throwIfAborted();
      // A hard link appears with its content or not at all, so nobody ever reads an empty lock.
      const held = await link(candidate, lockFile).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (held) return;
      if (await isStale(lockFile)) {
        const aside = `${lockFile}.${randomUUID()}`;
        await rename(lockFile, aside).catch(() => undefined);
        await rm(aside, { force: true });
        continue;
      }
      if (Date.now() - startedAt > WAIT_MS)
        throw provisionError('PROVISION_LOCK_TIMEOUT', '', { context: { lock: lockFile, minutes: WAIT_MS / 60_000 } });
      if (!told && Date.now() - startedAt > 2_000) {
        told = true;
        context.say(`waiting for another process that is installing (${lockFile})`);
      }
      await sleep(200, undefined, { signal: context.signal });
    }
  } finally {
    await rm(candidate, { force: true });
  }
}

async function isStale(lockFile: string): Promise<boolean> {
  try {
    const [content, facts] = await Promise.all([readFile(lockFile, 'utf8'), stat(lockFile)]);
    const pid = Number(content.split(' ')[0]);
    // The age counts too: in another container the same cache may name a pid that means nothing here.
    return !isAlive(pid) || Date.now() - facts.mtimeMs > STALE_MS;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
