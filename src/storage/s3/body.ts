import type { Readable } from 'node:stream';
import { storageError } from '../../errors/storage';
import { abortReason } from '../timing';
import { s3Error, type S3ErrorContext } from './errors';

/** The whole body in one Buffer; throws when it is not as long as announced (`expected`, where the store says it). */
export async function readBody(
  stream: Readable,
  expected: number | undefined,
  context: S3ErrorContext,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const body = expected === undefined ? null : Buffer.allocUnsafeSlow(expected);
  const chunks: Buffer[] = [];
  let at = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (body === null) chunks.push(chunk);
      else chunk.copy(body, at);
      at += chunk.length;
    }
  } catch (error) {
    if (signal?.aborted) throw abortReason(signal);
    throw s3Error(error, context);
  }
  if (expected !== undefined && at !== expected)
    throw storageError('STORE_TRANSFER_DAMAGED', 'the answer was cut off', {
      context: { store: context.store, key: context.key, bytes: at, expected },
    });
  return body ?? Buffer.concat(chunks);
}
