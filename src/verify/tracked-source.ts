/** Stands between the engine and the repository during a proof: notes what was read whole, and what went wrong there. */
import { open } from 'node:fs/promises';
import type { FileSource } from '../engines/engine';
import type { BackupReader } from '../repository/types';

export interface TrackedSource extends FileSource {
  /** The first error of the store or the repository; a restore that failed after it failed because of it. */
  readonly error: unknown;
  /** Reads and checks every segment that no file read whole has covered, so that nothing of the copy stays unread. */
  readRest(signal: AbortSignal, onSegment?: () => void): Promise<void>;
}

/** @param keep the first whole pass over `keep.path` is also written to `keep.to` */
export function trackSource(
  reader: BackupReader,
  keep: { readonly path: string; readonly to: string } | null,
): TrackedSource {
  const whole = new Set<string>();
  let firstError: unknown = null;
  const note = (error: unknown, signal: AbortSignal | undefined) => {
    if (!signal?.aborted) firstError ??= error;
  };
  let keeping = keep;
  return {
    get error() {
      return firstError;
    },
    release: (chunk) => reader.release?.(chunk),
    async *readFile(path, options = {}) {
      const copy = keeping?.path === path ? await open(keeping.to, 'w', 0o600) : null;
      if (copy) keeping = null;
      let ended = false;
      try {
        const chunks = reader.readFile(path, options)[Symbol.asyncIterator]();
        try {
          for (;;) {
            const next = await chunks.next().catch((error: unknown) => {
              note(error, options.signal);
              throw error;
            });
            if (next.done) break;
            await copy?.writeFile(next.value);
            yield next.value;
          }
        } finally {
          await chunks.return?.();
        }
        ended = true;
        whole.add(path);
      } finally {
        await copy?.close();
        if (copy && !ended) keeping = keep;
      }
    },
    async readRest(signal, onSegment) {
      const { inventory, body } = reader.manifest;
      const covered = new Set(body.files.filter((file) => whole.has(file.path)).flatMap((file) => file.segments));
      for (const [index, ref] of inventory.segments.entries()) {
        if (covered.has(index)) continue;
        signal.throwIfAborted();
        await reader.readSegment(ref, signal).catch((error: unknown) => {
          note(error, signal);
          throw error;
        });
        onSegment?.();
      }
    },
  };
}
