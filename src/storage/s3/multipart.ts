import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { storageError } from '../../errors/storage';
import { retrying, type BackoffPolicy } from '../backoff';
import type { Timing } from '../timing';
import { checksumAlgorithmOf, checksumOf, sha256Hex } from './checksum';
import type { S3ErrorContext } from './errors';
import { lockDigest, objectSettings, send, withPayloadHash, writePermissions, type S3Access } from './requests';

const PARTS_AT_ONCE = 3;
/** S3's bounds of a part and of their number. */
const MIN_PART = 5 * 1024 * 1024;
const MAX_PARTS = 10_000;
const ABORT_TIMEOUT_MS = 15_000;
const ABORT_ROUNDS = 10;
const ABORT_PAUSE_MS = 100;

export interface MultipartOptions extends S3Access {
  readonly objectKey: string;
  readonly body: Buffer;
  readonly createOnly: boolean;
  readonly signal?: AbortSignal;
  readonly context: S3ErrorContext;
  readonly backoff: BackoffPolicy;
  readonly timing: Timing;
}

interface SentPart extends CompletedPart {
  readonly PartNumber: number;
  readonly ETag: string;
  readonly bytes: number;
}

/**
 * One object in equal parts. What the store says that it holds is compared with what was sent before the parts become
 * an object; on any failure the upload is aborted, so that no parts are paid for.
 */
export async function putMultipart(options: MultipartOptions): Promise<void> {
  const { client, config, objectKey, signal } = options;
  const context: S3ErrorContext = { ...options.context, operation: 'upload', permissions: writePermissions(config) };
  const target = { Bucket: config.bucket, Key: objectKey };
  // Not under the caller's signal: an upload whose id was lost to an abort could not be aborted itself.
  const started = await send(context, AbortSignal.timeout(config.limits.timeout), (to) =>
    client.send(
      new CreateMultipartUploadCommand({
        ...target,
        ...objectSettings(config, options.context.key ?? ''),
        ChecksumAlgorithm: checksumAlgorithmOf(config.checksum),
      }),
      to,
    ),
  );
  const upload = { ...target, UploadId: started.UploadId! };
  try {
    const parts = await sendParts(options, context, upload);
    await assertPartsHeld(options, context, upload, parts);
    await send(context, signal, (to) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          IfNoneMatch: options.createOnly ? '*' : undefined,
          // In order: a store that joins parts as they are named must not corrupt the object.
          MultipartUpload: { Parts: parts.map(({ bytes: _, ...part }) => part) },
        }),
        to,
      ),
    );
  } catch (error) {
    await abortUpload(options, upload);
    throw error;
  }
}

type Upload = { readonly Bucket: string; readonly Key: string; readonly UploadId: string };

/** Size of all parts but the last; grows where the number of parts would not suffice. */
export function partSizeOf(bytes: number, configured: number): number {
  return Math.max(configured, MIN_PART, Math.ceil(bytes / MAX_PARTS));
}

async function sendParts(options: MultipartOptions, context: S3ErrorContext, upload: Upload): Promise<SentPart[]> {
  const { body, config } = options;
  const size = partSizeOf(body.length, config.partSize);
  const count = Math.ceil(body.length / size);
  const parts: SentPart[] = [];
  // The first failure stops the other parts rather than let them run on into an upload that will be aborted.
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next++;
      parts[index] = await sendPart(
        options,
        context,
        upload,
        signal,
        index + 1,
        body.subarray(index * size, (index + 1) * size),
      );
    }
  };
  // Every lane has ended before the upload is aborted or completed: no part may arrive afterwards.
  const failures: unknown[] = [];
  await Promise.all(
    Array.from({ length: Math.min(PARTS_AT_ONCE, count) }, () =>
      lane().catch((error: unknown) => {
        failures.push(error);
        stop.abort(error);
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
  return parts;
}

function sendPart(
  options: MultipartOptions,
  context: S3ErrorContext,
  upload: Upload,
  signal: AbortSignal,
  number: number,
  body: Buffer,
): Promise<SentPart> {
  const { client, config } = options;
  const sha256 = sha256Hex(body);
  const checksum = checksumOf(config.checksum, body, sha256);
  return retrying(options.backoff, options.timing, signal, async () => {
    const sent = await send(context, signal, (to) => {
      const input = { ...upload, ...checksum, ...lockDigest(config, body), PartNumber: number, Body: body };
      return client.send(withPayloadHash(new UploadPartCommand(input), sha256), to);
    });
    return { ...checksum, PartNumber: number, ETag: sent.ETag ?? '', bytes: body.length };
  });
}

async function assertPartsHeld(
  options: MultipartOptions,
  context: S3ErrorContext,
  upload: Upload,
  sent: readonly SentPart[],
): Promise<void> {
  const held = new Map<number, { etag: string; bytes: number | undefined }>();
  let marker: string | undefined;
  do {
    const page = await send(context, options.signal, (to) =>
      options.client.send(new ListPartsCommand({ ...upload, PartNumberMarker: marker }), to),
    );
    for (const part of page.Parts ?? []) held.set(part.PartNumber!, { etag: part.ETag ?? '', bytes: part.Size });
    marker = page.IsTruncated && page.NextPartNumberMarker !== marker ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  for (const part of sent) {
    const found = held.get(part.PartNumber);
    // Some stores list parts without their size.
    const sizeDiffers = found?.bytes !== undefined && found.bytes !== part.bytes;
    if (!found || sizeDiffers || bare(found.etag) !== bare(part.ETag))
      throw storageError('STORE_UPLOAD_INCOMPLETE', found ? 'the store holds another part' : 'the store lost a part', {
        context: {
          store: context.store,
          key: context.key,
          part: part.PartNumber,
          sent: part.bytes,
          held: found?.bytes,
        },
      });
  }
  if (held.size !== sent.length)
    throw storageError('STORE_UPLOAD_INCOMPLETE', 'the store holds parts that were not sent', {
      context: { store: context.store, key: context.key, sent: sent.length, held: held.size },
    });
}

/** Entity tags come with and without quotes. */
function bare(etag: string): string {
  return etag.replaceAll('"', '');
}

/**
 * Under its own time limit: the caller's signal has often been aborted already. A part that was under way may be taken
 * after the abort, or make the store answer an abort with an error, so the store is asked until it has said twice, a
 * moment apart, that it knows no such upload.
 */
async function abortUpload({ client, timing }: MultipartOptions, upload: Upload): Promise<void> {
  const to = { abortSignal: AbortSignal.timeout(ABORT_TIMEOUT_MS) };
  let gone = 0;
  for (let round = 1; round <= ABORT_ROUNDS && gone < 2; round++) {
    if (round > 1) await timing.sleep(ABORT_PAUSE_MS);
    try {
      await client.send(new AbortMultipartUploadCommand(upload), to);
      await client.send(new ListPartsCommand({ ...upload, MaxParts: 1 }), to);
      gone = 0;
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      // Out of reach, or not allowed to: the failure that led here is the one to report, and a lifecycle rule of the
      // bucket removes what could not be aborted.
      if (status === undefined || status === 401 || status === 403) return;
      gone = status === 404 ? gone + 1 : 0;
    }
  }
}
