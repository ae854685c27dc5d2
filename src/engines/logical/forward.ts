import type { FileSinkHandle } from '../engine';

const CHUNK_BYTES = 256 * 1024;

/** Passes a stream on in larger pieces: what takes them seals and hashes by the piece. */
export async function forward(source: AsyncIterable<Buffer>, handle: FileSinkHandle): Promise<void> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes >= CHUNK_BYTES) {
      await handle.write(Buffer.concat(waiting, bytes));
      waiting = [];
      bytes = 0;
    }
  }
  if (bytes > 0) await handle.write(Buffer.concat(waiting, bytes));
}
