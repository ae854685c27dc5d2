import { randomBytes } from 'node:crypto';
import { storageError } from '../../errors/storage';
import { jsonOf, type GcsClient } from './client';
import type { GcsSettings } from './credentials';
import type { GcsErrorContext } from './errors';
import type { HttpAnswer } from './transport';

/** What an object is stored with. */
export interface NewObject {
  /** With the prefix of the store. */
  readonly name: string;
  readonly body: Buffer;
  /** base64 */
  readonly crc32c: string;
  readonly createOnly: boolean;
}

/** Members of Google's object resource that are looked at; all are text in its JSON. */
export interface ObjectResource {
  readonly name: string;
  readonly size: string;
  readonly crc32c: string;
  readonly generation: string;
  readonly timeCreated: string;
  readonly updated: string;
}

const STORED_FIELDS = 'size,crc32c,generation';
const CLEANUP_TIMEOUT_MS = 15_000;

export function objectsPath(config: GcsSettings): string {
  return `/storage/v1/b/${encodeURIComponent(config.bucket)}/o`;
}

export function objectPath(config: GcsSettings, name: string): string {
  return `${objectsPath(config)}/${encodeURIComponent(name)}`;
}

export function uploadPath(config: GcsSettings): string {
  return `/upload${objectsPath(config)}`;
}

/** Query of both kinds of upload. Generation 0 is that of an object that does not exist. */
export function uploadQuery(
  kind: 'multipart' | 'resumable',
  object: NewObject,
): Readonly<Record<string, string | undefined>> {
  return { uploadType: kind, ifGenerationMatch: object.createOnly ? '0' : undefined, fields: STORED_FIELDS };
}

/** The description that goes before the bytes; the store refuses bytes that do not have this checksum. */
export function objectMetadata(config: GcsSettings, object: NewObject): string {
  return JSON.stringify({
    name: object.name,
    crc32c: object.crc32c,
    contentType: 'application/octet-stream',
    storageClass: config.storageClass,
  });
}

/** Sends an object in one request: description and bytes. */
export async function putWhole(
  client: GcsClient,
  object: NewObject,
  signal: AbortSignal | undefined,
  context: GcsErrorContext,
): Promise<void> {
  const { config } = client;
  const boundary = `holdfast-${randomBytes(18).toString('base64url')}`;
  const head = `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${objectMetadata(config, object)}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  const answer = await client.ask({
    method: 'POST',
    at: uploadPath(config),
    query: uploadQuery('multipart', object),
    headers: { 'content-type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(head), object.body, Buffer.from(`\r\n--${boundary}--\r\n`)],
    signal,
    context,
  });
  await assertStored(client, object, answer, context);
}

/**
 * The store's own account of what it holds is compared with what was sent; an object that is something else is taken away
 * again, exactly that one, so that it is never found by its name.
 */
export async function assertStored(
  client: GcsClient,
  object: NewObject,
  answer: HttpAnswer,
  context: GcsErrorContext,
): Promise<void> {
  const stored = jsonOf<ObjectResource>(answer, context);
  const differs =
    Number(stored.size) !== object.body.length || (stored.crc32c !== undefined && stored.crc32c !== object.crc32c);
  if (!differs) return;
  if (stored.generation !== undefined)
    await client
      .send({
        method: 'DELETE',
        at: objectPath(client.config, object.name),
        query: { ifGenerationMatch: stored.generation },
        signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS),
        context,
      })
      // Not permitted, perhaps: then the failure that led here is the one to report.
      .catch(() => undefined);
  throw storageError('STORE_TRANSFER_DAMAGED', 'the store took something else than was sent', {
    context: { ...context, bytes: object.body.length, held: stored.size ?? null },
  });
}
