import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { provisionError } from '../errors/provision';

/** Until the first byte of an answer: a machine without a way out must find that out quickly. */
const CONNECT_MS = 8_000;
const TOTAL_MS = 10 * 60_000;

/** A small text, at most 1 MiB, over https. */
export async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await open(url, signal);
  const text = await response.text().catch((error: unknown) => failed(url, error));
  if (text.length > 2 ** 20)
    throw provisionError('PROVISION_DOWNLOAD_FAILED', 'the answer is too long', { context: { url } });
  return text;
}

/** Downloads to `file`; rejects, and leaves the file to the caller to remove, unless its SHA-256 is the one expected. */
export async function downloadFile(url: string, file: string, sha256: string, signal: AbortSignal): Promise<void> {
  const response = await open(url, signal);
  const hash = createHash('sha256');
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body!), tap, createWriteStream(file, { mode: 0o600 }), { signal }).catch(
    (error: unknown) => failed(url, error),
  );
  const actual = hash.digest('hex');
  if (actual !== sha256.toLowerCase())
    throw provisionError('PROVISION_CHECKSUM_MISMATCH', '', { context: { url, expected: sha256, actual } });
}

/** The SHA-256 that a publisher's list (`<hash>  <name>` a line) gives for a file; null when the list lacks it. */
export function checksumFromList(list: string, name: string): string | null {
  for (const line of list.split('\n')) {
    const match = /^([0-9a-fA-F]{64})\s+\*?(\S+)\s*$/.exec(line);
    if (match && match[2] === name) return match[1]!.toLowerCase();
  }
  return null;
}

async function open(url: string, signal: AbortSignal): Promise<Response> {
  if (!url.startsWith('https://'))
    throw provisionError('PROVISION_DOWNLOAD_FAILED', 'only https is used', { context: { url } });
  const connect = new AbortController();
  const timer = setTimeout(() => connect.abort(new Error(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  try {
    const response = await fetch(url, {
      redirect: 'follow',
      signal: AbortSignal.any([signal, connect.signal, AbortSignal.timeout(TOTAL_MS)]),
    });
    if (!response.ok || !response.body || !response.url.startsWith('https://'))
      throw new Error(`answered ${response.status}`);
    return response;
  } catch (error) {
    signal.throwIfAborted();
    return failed(url, error);
  } finally {
    clearTimeout(timer);
  }
}

function failed(url: string, error: unknown): never {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
  const message = `${error instanceof Error ? error.message : String(error)}${cause ? ` (${cause})` : ''}`;
  throw provisionError('PROVISION_DOWNLOAD_FAILED', message, { context: { url }, cause: error });
}
