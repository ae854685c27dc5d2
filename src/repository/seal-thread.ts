/** A thread that seals: see `seal-pool.ts`, which starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { sealPlain } from './seal-work';
import type { SealAnswer, SealOrder, SealThreadData } from './seal-pool';

const { level, key } = workerData as SealThreadData;
const port = parentPort!;
port.on('message', ({ memory, bytes }: SealOrder) => {
  const { sealed, object } = sealPlain(Buffer.from(memory, 0, bytes), level, key);
  const answer: SealAnswer = { memory, sealed: sealed.buffer as ArrayBuffer, object };
  port.postMessage(answer, [memory, answer.sealed]);
});
