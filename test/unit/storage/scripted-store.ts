import { storageError, type StorageErrorCode } from '../../../src/errors/storage';
import type {
  GetOptions,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from '../../../src/storage/object-store';
import type { Timing } from '../../../src/storage/timing';

/** A clock that only sleeping moves; `random` gives what it is told, 0.5 otherwise. */
export class ScriptedTiming implements Timing {
  clock = 0;
  readonly slept: number[] = [];
  constructor(private readonly chance: () => number = () => 0.5) {}
  now(): number {
    return this.clock;
  }
  random(): number {
    return this.chance();
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw signal.reason;
    this.slept.push(ms);
    this.clock += ms;
  }
}

export type Fault = StorageErrorCode | 'lost-answer' | 'hang' | 'ok';

/** Objects in memory; each call first takes the next fault of the script. `lost-answer`: done, but reported as failed. */
export class ScriptedStore implements ObjectStore {
  readonly name = 'scripted';
  kind: ObjectStore['kind'] = 'filesystem';
  readonly capabilities = { createOnly: true, serverChecksum: false };
  /** So many bodies to come are stored with a bit flipped. */
  damages = 0;
  readonly objects = new Map<string, Buffer>();
  readonly calls: string[] = [];
  running = 0;
  mostAtOnce = 0;
  closed = false;
  /** Resolves what `hang` waits for. */
  release: () => void = () => undefined;

  constructor(readonly script: Fault[] = []) {}

  async put(key: string, body: Buffer, options: PutOptions = {}): Promise<PutResult> {
    return this.run(`put ${key}`, options.signal, () => {
      if (options.createOnly && this.objects.has(key)) return { created: false };
      this.objects.set(key, this.damages > 0 ? this.damaged(body) : body);
      return { created: true };
    });
  }
  async get(key: string, options: GetOptions = {}): Promise<Buffer> {
    return this.run(`get ${key}`, options.signal, () => {
      const body = this.objects.get(key);
      if (!body) throw storageError('STORE_OBJECT_MISSING');
      return body.subarray(options.range?.start, options.range?.end);
    });
  }
  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    return this.run(`head ${key}`, options.signal, () => this.info(key));
  }
  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    this.calls.push(`list ${prefix} after ${options.after ?? ''}`);
    for (const key of [...this.objects.keys()].sort()) {
      const fault = this.script.shift();
      if (fault && fault !== 'ok') throw storageError(fault as StorageErrorCode);
      if (key.startsWith(prefix) && (options.after === undefined || key > options.after)) yield this.info(key)!;
    }
  }
  async delete(keys: readonly string[], options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.run(`delete ${keys.join(' ')}`, options.signal, () => keys.forEach((key) => this.objects.delete(key)));
  }
  async close(): Promise<void> {
    this.closed = true;
  }

  private damaged(body: Buffer): Buffer {
    this.damages--;
    const copy = Buffer.from(body);
    copy[0]! ^= 1;
    return copy;
  }

  private info(key: string): ObjectInfo | null {
    const body = this.objects.get(key);
    return body ? { key, bytes: body.length, modifiedAt: new Date(0) } : null;
  }

  private async run<T>(call: string, signal: AbortSignal | undefined, work: () => T): Promise<T> {
    this.calls.push(call);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    try {
      const fault = this.script.shift() ?? 'ok';
      if (fault === 'hang')
        await new Promise<void>((resolve, reject) => {
          this.release = resolve;
          signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      else await new Promise((resolve) => setImmediate(resolve));
      if (fault === 'lost-answer') {
        work();
        throw storageError('STORE_UNREACHABLE', 'the answer was lost');
      }
      if (fault !== 'ok' && fault !== 'hang') throw storageError(fault);
      return work();
    } finally {
      this.running--;
    }
  }
}
