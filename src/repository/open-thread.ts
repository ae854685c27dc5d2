/** A thread that opens segments: see `open-pool.ts`, which starts it. */
import { parentPort } from 'node:worker_threads';
import type { OpenAnswer, OpenOrder } from './open-pool';
import { openSealed } from './open-work';

const port = parentPort!;
port.on('message', ({ memory, ref, keys }: OpenOrder) => {
  const opened = openSealed(Buffer.from(memory), ref, keys);
  if ('damaged' in opened) return port.postMessage(opened satisfies OpenAnswer);
  const { plain } = opened;
  const answer: OpenAnswer = { memory: plain.buffer as ArrayBuffer, bytes: plain.length };
  port.postMessage(answer, [answer.memory]);
});
