import { randomUUID } from 'node:crypto';
import { Upload, type DetailedError } from 'tus-js-client';
import { isHoldfastError } from '../../errors/holdfast-error';
import { storageError } from '../../errors/storage';
import { retrying, type BackoffPolicy } from '../backoff';
import { abortReason, type Timing } from '../timing';
import type { SupabaseAccess } from './access';
import { isTaken, networkError, refusalError, type Refusal, type SupabaseErrorContext } from './errors';
import { findObject } from './find';
import { tusEndpoint, tusHttpStack } from './tus-http';

/** Hosted Supabase takes chunks of exactly this size, the last one excepted. */
export const TUS_CHUNK = 6 * 1024 * 1024;
/** Answers in a row that took nothing, before the attempt is given up. */
const MAX_STALLS = 3;
const TERMINATE_TIMEOUT_MS = 15_000;

export interface ResumableOptions {
  readonly access: SupabaseAccess;
  readonly context: SupabaseErrorContext;
  readonly objectKey: string;
  readonly body: Buffer;
  readonly sha256: string;
  /** Replace what stands there; without it the store refuses, at the beginning and once more at the end. */
  readonly upsert: boolean;
  readonly signal?: AbortSignal;
  readonly backoff: BackoffPolicy;
  readonly timing: Timing;
}

/** What is known of an upload between its attempts. */
interface Progress {
  /** Where it is; null before it is begun. */
  url: string | null;
  /** How far the store said that it came, bytes. */
  offset: number;
  /** In the metadata of the object: tells ours from that of another writer. */
  readonly id: string;
}

/**
 * One object by TUS. After a failure the upload goes on where the store says that it stands (HEAD), with as many retries
 * again whenever it came further; one that the store has forgotten is begun anew. Whatever fails for good is ended at the
 * store, which would keep the chunks until they expire. False: an object of this name was there already.
 */
export async function putResumable(options: ResumableOptions): Promise<boolean> {
  const progress: Progress = { url: null, offset: 0, id: randomUUID() };
  try {
    for (;;) {
      const before = progress.offset;
      try {
        const created = await retrying(options.backoff, options.timing, options.signal, () =>
          attempt(options, progress),
        );
        if (!created && progress.url !== null) await terminate(options, progress.url);
        return created;
      } catch (error) {
        const wentOn = isHoldfastError(error) && error.retryable && progress.offset > before;
        if (!wentOn || options.backoff.retries === 0 || options.signal?.aborted) throw error;
      }
    }
  } catch (error) {
    if (progress.url !== null) await terminate(options, progress.url);
    throw error;
  }
}

async function attempt(options: ResumableOptions, progress: Progress): Promise<boolean> {
  try {
    if ((await run(options, progress)) === 'finished') return true;
    return await isOurs(options, progress);
  } catch (error) {
    if (isTaken(error) && !options.upsert) return false;
    if (progress.url === null || !isForgotten(error)) throw error;
    // Begun anew by the next attempt.
    progress.url = null;
    progress.offset = 0;
    throw storageError('STORE_UPLOAD_INCOMPLETE', 'the store has forgotten the upload', {
      context: { ...options.context },
      cause: error,
    });
  }
}

/**
 * The store has every byte, and the answer that said what became of them was lost: an object of another writer may have
 * been there first, and the upload looks complete all the same.
 */
async function isOurs({ access, context, objectKey, signal }: ResumableOptions, progress: Progress): Promise<boolean> {
  const found = await findObject(access, objectKey, signal);
  if (found?.upload === progress.id) return true;
  if (found !== null) return false;
  progress.url = null;
  progress.offset = 0;
  throw storageError('STORE_UPLOAD_INCOMPLETE', 'the upload is complete, and no object came of it', {
    context: { ...context },
  });
}

/** `finished`: the last chunk was answered; `complete`: the store was asked how far it came, and it has everything. */
function run(options: ResumableOptions, progress: Progress): Promise<'finished' | 'complete'> {
  const { access, body, context, signal } = options;
  return new Promise((resolve, reject) => {
    let stalls = 0;
    let finished = false;
    const upload = new Upload(body, {
      // One of the two: with both, a HEAD that fails for a moment would begin a second upload.
      endpoint: progress.url === null ? tusEndpoint(access.url) : undefined,
      uploadUrl: progress.url,
      chunkSize: TUS_CHUNK,
      retryDelays: null,
      storeFingerprintForResuming: false,
      fingerprint: () => Promise.resolve(''),
      headers: { 'x-upsert': String(options.upsert) },
      metadata: {
        bucketName: access.config.bucket,
        objectName: options.objectKey,
        contentType: 'application/octet-stream',
        cacheControl: '0',
        metadata: JSON.stringify({ sha256: options.sha256, upload: progress.id }),
      },
      httpStack: tusHttpStack({ access, context, signal, createTimeoutMs: access.config.limits.timeout }),
      onUploadUrlAvailable: () => {
        progress.url = upload.url;
      },
      // Bytes of a chunk that broke off count as progress too.
      onAfterResponse: (request, response) => {
        const offset = Number(response.getHeader('Upload-Offset') ?? NaN);
        if (request.getMethod() === 'HEAD' && Number.isSafeInteger(offset)) progress.offset = offset;
      },
      // A success says no more than that an answer came; the offset says what the store holds.
      onChunkComplete: (accepted, offset, total) => {
        progress.offset = offset;
        finished = offset === total;
        stalls = accepted > 0 ? 0 : stalls + 1;
        if (stalls >= MAX_STALLS || offset > total || accepted > TUS_CHUNK)
          throw storageError('STORE_UPLOAD_INCOMPLETE', 'the store does not hold what was sent', {
            context: { ...context, offset, bytes: total },
          });
      },
      onSuccess: () => resolve(finished ? 'finished' : 'complete'),
      onError: (error) => reject(signal?.aborted ? abortReason(signal) : tusError(error, context)),
    });
    upload.start();
  });
}

/** What tus-js-client reports, as an error of the store. */
export function tusError(error: Error | DetailedError, context: SupabaseErrorContext): Error {
  if (isHoldfastError(error)) return error;
  const { originalResponse: response, causingError } = error as Partial<DetailedError>;
  if (response) return refusalError(refusalOf(response.getStatus(), response.getBody()), context, undefined);
  return networkError(causingError ?? error, context);
}

/** TUS refuses in plain text with a true status; what stands before it (the check of the key) does as REST does. */
function refusalOf(httpStatus: number, body: string): Refusal {
  try {
    const { statusCode, code, message } = JSON.parse(body) as Partial<Refusal>;
    return { httpStatus, statusCode, code, message };
  } catch {
    const code = httpStatus === 404 && /bucket/i.test(body) ? 'NoSuchBucket' : undefined;
    return { httpStatus, code, message: body };
  }
}

/** The upload, not the object, is unknown to the store: it has expired, or was lost with a server. */
function isForgotten(error: unknown): boolean {
  if (!isHoldfastError(error)) return false;
  const { status, operation, provider } = error.context;
  return operation === 'upload' && provider === undefined && (status === 404 || status === 410);
}

/** Under its own time limit: the caller's signal has often been aborted already. A finished upload refuses it. */
async function terminate({ access, context }: ResumableOptions, url: string): Promise<void> {
  const headers = { 'tus-resumable': '1.0.0' };
  const signal = AbortSignal.timeout(TERMINATE_TIMEOUT_MS);
  // When it fails the store lets the upload expire; the failure that led here is the one to report.
  await access.send({ method: 'DELETE', url, headers, signal }, context).catch(() => undefined);
}
