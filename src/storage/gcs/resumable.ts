import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import { retrying, type BackoffPolicy } from '../backoff';
import { throwIfAborted, type Timing } from '../timing';
import { assertChunkSize, chunkAt, contentRange, heldBytes, type Chunk } from './chunks';
import { GcsRefusal, type GcsClient } from './client';
import type { GcsErrorContext } from './errors';
import { assertStored, objectMetadata, uploadPath, uploadQuery, type NewObject } from './requests';
import type { HttpAnswer } from './transport';

const CANCEL_TIMEOUT_MS = 15_000;
/** Google's "go on": it has the chunk and waits for the next. */
const RESUME_INCOMPLETE = 308;
/** After these the session is as good as before; the store is asked how far it came. */
const RESUMABLE = new Set([
  'STORE_UNREACHABLE',
  'STORE_TIMEOUT',
  'STORE_THROTTLED',
  'STORE_SERVER_ERROR',
  'STORE_CONFLICT',
]);

export interface ResumableOptions {
  readonly client: GcsClient;
  readonly object: NewObject;
  readonly signal?: AbortSignal;
  readonly context: GcsErrorContext;
  /** Between attempts at one chunk; progress starts it anew. */
  readonly backoff: BackoffPolicy;
  readonly timing: Timing;
}

/** Where an upload stands after a request. */
type Progress =
  { readonly offset: number } | { readonly finished: HttpAnswer } | { readonly givenUp: { readonly error: unknown } };

/**
 * Sends one object in chunks, one after the other. A chunk that broke off goes on where the store says that it came to;
 * an upload that is given up is cancelled, so that the store holds nothing of it.
 */
export async function putResumable(options: ResumableOptions): Promise<void> {
  const { client, object, context } = options;
  assertChunkSize(client.config.chunkSize);
  const session = await openSession(options);
  let finished: HttpAnswer;
  try {
    finished = await sendChunks(options, session);
  } catch (error) {
    await cancelSession(client, session, context);
    throw error;
  }
  await assertStored(client, object, finished, context);
}

/** Not under the caller's signal: a session whose address was lost to an abort could not be cancelled itself. */
async function openSession({ client, object, signal, context }: ResumableOptions): Promise<URL> {
  throwIfAborted(signal);
  const answer = await client.ask({
    method: 'POST',
    at: uploadPath(client.config),
    query: uploadQuery('resumable', object),
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'x-upload-content-type': 'application/octet-stream',
      'x-upload-content-length': String(object.body.length),
    },
    body: [Buffer.from(objectMetadata(client.config, object))],
    signal: AbortSignal.timeout(client.config.limits.timeout),
    context,
  });
  return client.sessionUrl(answer.headers.location ?? '', context);
}

async function sendChunks(options: ResumableOptions, session: URL): Promise<HttpAnswer> {
  const total = options.object.body.length;
  let offset = 0;
  for (;;) {
    const progress = await retrying(options.backoff, options.timing, options.signal, async (_, previous) => {
      try {
        if (previous !== null) {
          const stands = await askProgress(options, session);
          if (!('offset' in stands)) return stands;
          // Less than it confirmed before is possible, too: the bytes are here, so they are sent again.
          offset = stands.offset;
        }
        const chunk = chunkAt(offset, total, options.client.config.chunkSize);
        return assertProgress(await sendChunk(options, session, chunk), chunk, options.context);
      } catch (error) {
        if (isHoldfastError(error) && RESUMABLE.has(error.code)) throw error;
        return { givenUp: { error } };
      }
    });
    if ('finished' in progress) return progress.finished;
    if ('givenUp' in progress) throw progress.givenUp.error;
    offset = progress.offset;
  }
}

function sendChunk(options: ResumableOptions, session: URL, chunk: Chunk): Promise<Progress> {
  const { body } = options.object;
  return request(options, session, contentRange(chunk.total, chunk), [body.subarray(chunk.start, chunk.end)]);
}

/** Asked after every failure: the store alone knows what reached it. */
function askProgress(options: ResumableOptions, session: URL): Promise<Progress> {
  return request(options, session, contentRange(options.object.body.length), []);
}

async function request(
  options: ResumableOptions,
  session: URL,
  range: string,
  body: readonly Buffer[],
): Promise<Progress> {
  const { client, object, signal, context } = options;
  const total = object.body.length;
  let answer: HttpAnswer;
  try {
    const headers = { 'content-range': range };
    answer = await client.ask({
      method: 'PUT',
      at: session,
      headers,
      body,
      signal,
      context,
      accept: [RESUME_INCOMPLETE],
    });
  } catch (error) {
    if (!(error instanceof GcsRefusal)) throw error;
    const { status } = error.fault;
    if (status === 404 || status === 410)
      throw storageError('STORE_UPLOAD_INCOMPLETE', 'the store does not know the upload any more', {
        context: { ...context, status },
      });
    // What refuses for good is told to the caller, who has to see a condition that was not met.
    const { storeError } = error;
    throw isHoldfastError(storeError) && RESUMABLE.has(storeError.code) ? storeError : error;
  }
  if (answer.status !== RESUME_INCOMPLETE) return { finished: answer };
  const held = heldBytes(answer.headers.range, total);
  // All bytes, and still no object: the store finishes it when it is asked again.
  if (held === null || held === total)
    throw storageError('STORE_SERVER_ERROR', 'the store does not say how far the upload came', {
      context: { ...context, says: answer.headers.range ?? 'nothing' },
    });
  return { offset: held };
}

/** A store that takes chunks and keeps nothing of them must not be sent the same one for ever. */
function assertProgress(progress: Progress, chunk: Chunk, context: GcsErrorContext): Progress {
  if ('offset' in progress && progress.offset <= chunk.start)
    throw storageError('STORE_SERVER_ERROR', 'the store kept nothing of a chunk', {
      context: { ...context, offset: chunk.start, held: progress.offset },
    });
  return progress;
}

/** Under its own time limit: the caller's signal has often been aborted already. The store answers 499. */
async function cancelSession(client: GcsClient, session: URL, context: GcsErrorContext): Promise<void> {
  try {
    const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
    await client.ask({ method: 'DELETE', at: session, signal, context, accept: [404, 410, 499] });
  } catch {
    // Out of reach: an unfinished upload is not billed, and the store forgets it after a week.
  }
}
