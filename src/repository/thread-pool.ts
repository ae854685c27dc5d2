/** Threads that do one kind of work on whole segments. What is handed to them and comes back is memory, not copies. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** One thread takes some 500 MB/s, more than a dump or a restore moves with the other cores; more would only hold more memory. */
const CORES_PER_THREAD = 2;
const MOST_THREADS = 3;

export interface ThreadPoolOptions {
  /** Compiled code of a thread: absent where the sources run as they are. */
  readonly file: string;
  readonly name: string;
  readonly data?: unknown;
  /** @default one for two cores, 3 at most */
  readonly threads?: number;
  /** The error of all work once a thread has ended; `cause` is why. */
  readonly ended: (cause?: unknown) => Error;
}

export interface ThreadPool<Order, Answer> {
  /** Sends the order with `memory`, which is taken, to the next thread that is free. */
  run(order: Order, memory: readonly ArrayBuffer[]): Promise<Answer>;
  /** Ends the threads and fails what is under way. */
  close(): Promise<void>;
}

interface Job<Order, Answer> {
  readonly order: Order;
  readonly memory: readonly ArrayBuffer[];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Starts no thread before the first order. Null where there is no compiled code to start. */
export function createThreadPool<Order, Answer>(options: ThreadPoolOptions): ThreadPool<Order, Answer> | null {
  const { file, name, data } = options;
  if (!existsSync(file)) return null;
  const most = options.threads ?? threadsFor(availableParallelism());
  const waiting: Job<Order, Answer>[] = [];
  const idle: Worker[] = [];
  const threads = new Map<Worker, Job<Order, Answer> | null>();
  let failure: Error | null = null;

  const fail = (cause?: unknown) => {
    failure ??= options.ended(cause);
    const jobs = [...threads.values(), ...waiting.splice(0)];
    for (const thread of threads.keys()) threads.set(thread, null);
    for (const job of jobs) job?.reject(failure);
  };
  const start = (): Worker => {
    const thread = new Worker(file, { workerData: data, name });
    threads.set(thread, null);
    thread.on('message', (answer: Answer) => {
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
  const give = (thread: Worker, job: Job<Order, Answer>) => {
    threads.set(thread, job);
    thread.ref();
    thread.postMessage(job.order, [...job.memory]);
  };

  return {
    run(order, memory) {
      if (failure) return Promise.reject(failure);
      return new Promise((resolve, reject) => {
        const job = { order, memory, resolve, reject };
        const thread = idle.pop() ?? (threads.size < most ? start() : null);
        if (thread) give(thread, job);
        else waiting.push(job);
      });
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
