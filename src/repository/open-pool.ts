/**
 * Threads that check and open whole segments, for the reason for which `seal-pool.ts` has threads: the buffers of a restore
 * would have the collector of the main thread at work for a third of its time. One pool serves the process, since readers come
 * and go; its threads end a while after the last segment.
 */
import { join } from 'node:path';
import { repositoryError } from '../errors/repository';
import type { Damage, OpenKeys, SealedRef } from './open-work';
import { createThreadPool, type ThreadPool } from './thread-pool';

/** Absent where the sources run as they are: tests, development. */
const THREAD_FILE = join(__dirname, 'open-thread.js');
/** How long the threads wait for more, ms. */
const IDLE_MS = 2_000;

export interface OpenOrder {
  readonly memory: ArrayBuffer;
  readonly ref: SealedRef;
  readonly keys: OpenKeys;
}
export type OpenAnswer = { readonly memory: ArrayBuffer; readonly bytes: number } | Damage;

export interface OpenPoolOptions {
  /** Compiled code of a thread. @default the one beside this module */
  readonly threadFile?: string;
  /** @default one for two cores, 3 at most */
  readonly threads?: number;
  readonly idleMs?: number;
}

export interface OpenPool {
  /** Threads that are there now. */
  readonly running: boolean;
  /**
   * The plaintext, or what is wrong with the segment. `sealed` is taken.
   * @throws REPO_OPENING_FAILED when a thread ends; the next segment gets another one
   */
  open(sealed: Buffer, ref: SealedRef, keys: OpenKeys): Promise<Buffer | Damage>;
  close(): Promise<void>;
}

/** Null where there is no compiled code to start. */
export function createOpenPool(options: OpenPoolOptions = {}): OpenPool | null {
  const create = () =>
    createThreadPool<OpenOrder, OpenAnswer>({
      file: options.threadFile ?? THREAD_FILE,
      name: 'holdfast open',
      threads: options.threads,
      ended: (cause) => repositoryError('REPO_OPENING_FAILED', '', { cause }),
    });
  if (create() === null) return null;
  let pool: ThreadPool<OpenOrder, OpenAnswer> | null = null;
  let opening = 0;
  let timer: NodeJS.Timeout | null = null;

  const rest = async () => {
    if (timer) clearTimeout(timer);
    timer = null;
    const ended = pool;
    pool = null;
    await ended?.close();
  };
  return {
    get running() {
      return pool !== null;
    },
    async open(sealed, { id, object, plainBytes }, keys) {
      if (timer) clearTimeout(timer);
      timer = null;
      const used = (pool ??= create()!);
      opening++;
      try {
        const memory = memoryOf(sealed);
        const answer = await used.run({ memory, ref: { id, object, plainBytes }, keys }, [memory]);
        return 'damaged' in answer ? answer : Buffer.from(answer.memory, 0, answer.bytes);
      } catch (error) {
        // What has failed once serves nobody any more.
        if (pool === used) await rest();
        throw error;
      } finally {
        opening--;
        if (opening === 0 && pool !== null) timer = setTimeout(() => void rest(), options.idleMs ?? IDLE_MS).unref();
      }
    },
    close: rest,
  };
}

/** A part of something larger cannot be handed over. */
function memoryOf(sealed: Buffer): ArrayBuffer {
  const { buffer } = sealed;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === sealed.length) return buffer;
  const own = Buffer.allocUnsafeSlow(sealed.length);
  sealed.copy(own);
  return own.buffer;
}

let shared: OpenPool | null | undefined;

/** That of this process. */
export function sharedOpenPool(): OpenPool | null {
  shared ??= createOpenPool();
  return shared;
}
