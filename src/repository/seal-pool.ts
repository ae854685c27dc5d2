/**
 * Threads that compress, seal and hash whole segments. The plaintext's memory is handed to the thread and comes back with
 * the sealed object: nothing is copied. What passes through a thread burdens its small heap, whose collections cost next to
 * nothing; on the main thread the same buffers would have the collector walk all that is loaded there, for every few segments.
 */
import { join } from 'node:path';
import { repositoryError } from '../errors/repository';
import type { SealingKey } from './age-payload';
import type { SealedBytes } from './seal-work';
import { createThreadPool } from './thread-pool';

/** Absent where the sources run as they are: tests, development. */
const THREAD_FILE = join(__dirname, 'seal-thread.js');

export interface SealThreadData {
  readonly level: number;
  readonly key: SealingKey;
}
export interface SealOrder {
  readonly memory: ArrayBuffer;
  readonly bytes: number;
}
export interface SealAnswer {
  readonly memory: ArrayBuffer;
  readonly sealed: ArrayBuffer;
  readonly object: string;
}

export interface SealPoolOptions extends SealThreadData {
  /** Compiled code of a thread. @default the one beside this module */
  readonly threadFile?: string;
  /** @default one for two cores, 3 at most */
  readonly threads?: number;
}

export interface SealPool {
  /**
   * Seals the first `bytes` of `buffer`, whose memory must be its own: it is taken, and comes back as another Buffer.
   * @throws REPO_SEALING_FAILED when a thread ends
   */
  seal(buffer: Buffer, bytes: number): Promise<SealedBytes & { readonly buffer: Buffer }>;
  /** Ends the threads and fails what is under way. */
  close(): Promise<void>;
}

/** Starts no thread before the first segment. Null where there is no compiled code to start. */
export function createSealPool(options: SealPoolOptions): SealPool | null {
  const { level, key } = options;
  const data: SealThreadData = { level, key };
  const pool = createThreadPool<SealOrder, SealAnswer>({
    file: options.threadFile ?? THREAD_FILE,
    name: 'holdfast seal',
    data,
    threads: options.threads,
    ended: (cause) => repositoryError('REPO_SEALING_FAILED', '', { cause }),
  });
  if (!pool) return null;
  return {
    async seal(buffer, bytes) {
      const order = { memory: buffer.buffer as ArrayBuffer, bytes };
      const { memory, sealed, object } = await pool.run(order, [order.memory]);
      return { buffer: Buffer.from(memory), sealed: Buffer.from(sealed), object };
    },
    close: () => pool.close(),
  };
}
