/**
 * Threads that compress, seal and hash whole segments. The plaintext's memory is handed to the thread and comes back with
 * the sealed object: nothing is copied. What passes through a thread burdens its small heap, whose collections cost next to
 * nothing; on the main thread the same buffers would have the collector walk all that is loaded there, for every few segments.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { repositoryError } from '../errors/repository';
import type { SealingKey } from './age-payload';
import type { SealedBytes } from './seal-work';

/** One thread seals some 500 MB/s, more than a dump reads with the other cores; more threads would only hold more memory. */
const CORES_PER_THREAD = 2;
const MOST_THREADS = 3;
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

interface Job {
  readonly order: SealOrder;
  readonly resolve: (answer: SealAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Starts no thread before the first segment. Null where there is no compiled code to start. */
export function createSealPool(options: SealPoolOptions): SealPool | null {
  const file = options.threadFile ?? THREAD_FILE;
  if (!existsSync(file)) return null;
  const most = options.threads ?? threadsFor(availableParallelism());
  const waiting: Job[] = [];
  const idle: Worker[] = [];
  const threads = new Map<Worker, Job | null>();
  let failure: Error | null = null;

  const fail = (cause?: unknown) => {
    failure ??= repositoryError('REPO_SEALING_FAILED', '', { cause });
    const jobs = [...threads.values(), ...waiting.splice(0)];
    for (const thread of threads.keys()) threads.set(thread, null);
    for (const job of jobs) job?.reject(failure);
  };
  const start = (): Worker => {
    const { level, key } = options;
    const data: SealThreadData = { level, key };
    const thread = new Worker(file, { workerData: data, name: 'holdfast seal' });
    threads.set(thread, null);
    thread.on('message', (answer: SealAnswer) => {
      const job = threads.get(thread);
      threads.set(thread, null);
      const next = waiting.shift();
      if (next) give(thread, next);
      else {
        // A thread without work keeps no process alive.
        thread.unref();
        idle.push(thread);
      }
      job?.resolve(answer);
    });
    thread.on('error', fail);
    thread.on('exit', () => fail());
    return thread;
  };
  const give = (thread: Worker, job: Job) => {
    threads.set(thread, job);
    thread.ref();
    thread.postMessage(job.order, [job.order.memory]);
  };

  return {
    async seal(buffer, bytes) {
      if (failure) throw failure;
      const { memory, sealed, object } = await new Promise<SealAnswer>((resolve, reject) => {
        const job = { order: { memory: buffer.buffer as ArrayBuffer, bytes }, resolve, reject };
        const thread = idle.pop() ?? (threads.size < most ? start() : null);
        if (thread) give(thread, job);
        else waiting.push(job);
      });
      return { buffer: Buffer.from(memory), sealed: Buffer.from(sealed), object };
    },
    async close() {
      fail();
      await Promise.all([...threads.keys()].map((thread) => thread.terminate()));
    },
  };
}

function threadsFor(cores: number): number {
  return Math.min(MOST_THREADS, Math.max(1, Math.floor(cores / CORES_PER_THREAD)));
}
