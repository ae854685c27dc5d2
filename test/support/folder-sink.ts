/** The simplest FileSink and FileSource: plain files in a folder, or Buffers in memory. */
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileSink, FileSinkHandle, FileSource } from '../../src/engines/engine';

/** Keeps each file in memory; `files` has the finished ones. */
export class MemoryFiles implements FileSink, FileSource {
  readonly files = new Map<string, Buffer>();
  readonly opened: string[] = [];

  openFile(path: string): FileSinkHandle {
    if (this.opened.includes(path)) throw new Error(`opened twice: ${path}`);
    this.opened.push(path);
    const chunks: Buffer[] = [];
    return {
      write: async (chunk) => void chunks.push(Buffer.from(chunk)),
      end: async () => {
        const whole = Buffer.concat(chunks);
        this.files.set(path, whole);
        return { bytes: whole.length };
      },
    };
  }

  async *readFile(path: string, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<Buffer> {
    const whole = this.files.get(path);
    if (!whole) throw new Error(`no such file: ${path}`);
    for (let at = 0; at < whole.length; at += 100_000) {
      options.signal?.throwIfAborted();
      yield whole.subarray(at, at + 100_000);
    }
  }
}

/** The same in a folder, for what does not fit into memory. */
export class FolderFiles implements FileSink, FileSource {
  constructor(readonly folder: string) {}

  openFile(path: string): FileSinkHandle {
    const full = join(this.folder, path);
    const file = mkdir(dirname(full), { recursive: true }).then(() => open(full, 'wx'));
    file.catch(() => undefined);
    let bytes = 0;
    return {
      write: async (chunk) => {
        await (await file).writeFile(chunk);
        bytes += chunk.length;
      },
      end: async () => {
        await (await file).close();
        return { bytes };
      },
    };
  }

  async *readFile(path: string, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<Buffer> {
    const stream = createReadStream(join(this.folder, path), { highWaterMark: 1 << 20, signal: options.signal });
    for await (const chunk of stream) yield chunk as Buffer;
  }
}

/** Takes everything and keeps nothing: for speed. */
export class DiscardingSink implements FileSink {
  bytes = 0;
  openFile(): FileSinkHandle {
    let bytes = 0;
    return {
      write: async (chunk) => {
        bytes += chunk.length;
        this.bytes += chunk.length;
      },
      end: async () => ({ bytes }),
    };
  }
}
