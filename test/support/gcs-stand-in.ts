import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32cBase64 } from '../../src/storage/gcs/crc32c';

/** One request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** As far as it came. */
  readonly bytes: number;
}

/** Looked at before each request is served; answers it or breaks it off when it returns true. */
export type Fault = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

interface Session {
  readonly name: string;
  readonly crc32c: string | undefined;
  readonly createOnly: boolean;
  held: Buffer;
  state: 'open' | 'finished' | 'cancelled';
}

export interface GcsStandIn {
  readonly endpoint: string;
  readonly objects: ReadonlyMap<string, Buffer>;
  readonly requests: readonly SeenRequest[];
  readonly sessions: ReadonlyMap<string, { readonly state: string; readonly held: Buffer }>;
  fault: Fault | null;
  /** Bytes of a broken chunk that are kept: Google keeps whole units of 256 KiB. */
  keepOfBroken: (bytes: number) => number;
  /** Errors of Google's JSON. */
  refuse(response: ServerResponse, status: number, reason: string, message: string): true;
  put(name: string, body: Buffer): void;
  stop(): Promise<void>;
}

const UNIT = 256 * 1024;

/**
 * The uploads of Google Cloud Storage as its documentation describes them, where the usual emulator is looser: chunks of a
 * multiple of 256 KiB, one after the other; 308 with what is held; a status query that changes nothing; a cancelled session
 * that answers 499. One bucket, any name, in memory.
 */
export async function startGcsStandIn(): Promise<GcsStandIn> {
  const objects = new Map<string, Buffer>();
  const sessions = new Map<string, Session>();
  const requests: SeenRequest[] = [];
  const refuse: GcsStandIn['refuse'] = (response, status, reason, message) => {
    const errors = [{ domain: 'global', reason, message }];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { code: status, message, errors } }));
    return true;
  };
  const stored = (response: ServerResponse, name: string) => {
    const body = objects.get(name)!;
    const now = new Date().toISOString();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        name,
        size: String(body.length),
        crc32c: crc32cBase64(body),
        generation: '7',
        timeCreated: now,
      }),
    );
  };
  const finish = (response: ServerResponse, session: Session) => {
    if (session.crc32c !== undefined && session.crc32c !== crc32cBase64(session.held))
      return refuse(response, 400, 'invalid', `Provided CRC32C "${session.crc32c}" doesn't match calculated CRC32C.`);
    if (session.createOnly && objects.has(session.name))
      return refuse(response, 412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
    objects.set(session.name, session.held);
    session.state = 'finished';
    return stored(response, session.name);
  };
  const chunk = (request: IncomingMessage, response: ServerResponse, session: Session, body: Buffer) => {
    if (session.state === 'cancelled') return refuse(response, 410, 'gone', 'The upload was cancelled.');
    if (session.state === 'finished') return stored(response, session.name);
    const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/.exec(request.headers['content-range'] ?? '');
    if (range === null) return refuse(response, 400, 'invalid', 'Content-Range is missing.');
    const total = Number(range[3]);
    if (range[1] !== undefined) {
      const [start, end] = [Number(range[1]), Number(range[2]) + 1];
      if (start !== session.held.length) return refuse(response, 503, 'backendError', 'Out of order.');
      if (end < total && (end - start) % UNIT !== 0)
        return refuse(response, 400, 'invalid', 'Chunks must be a multiple of 256 KiB.');
      session.held = Buffer.concat([session.held, body]);
    }
    if (session.held.length === total) return finish(response, session);
    const held = session.held.length;
    response.writeHead(308, held === 0 ? {} : { range: `bytes=0-${held - 1}` });
    response.end();
  };
  const serve = (request: IncomingMessage, response: ServerResponse, url: URL, body: Buffer): unknown => {
    const session = sessions.get(url.searchParams.get('upload_id') ?? '');
    if (url.searchParams.has('upload_id')) {
      if (session === undefined) return refuse(response, 404, 'notFound', 'No such upload.');
      if (request.method === 'PUT') return chunk(request, response, session, body);
      if (session.state === 'open') session.state = 'cancelled';
      response.writeHead(499).end();
      return;
    }
    if (url.searchParams.get('uploadType') === 'resumable') {
      const { name, crc32c } = JSON.parse(body.toString()) as { name: string; crc32c?: string };
      const createOnly = url.searchParams.get('ifGenerationMatch') === '0';
      if (createOnly && objects.has(name)) return refuse(response, 412, 'conditionNotMet', 'The object exists.');
      const id = randomBytes(8).toString('hex');
      sessions.set(id, { name, crc32c, createOnly, held: Buffer.alloc(0), state: 'open' });
      url.searchParams.set('upload_id', id);
      response.writeHead(200, { location: url.toString() }).end();
      return;
    }
    const name = decodeURIComponent(url.pathname.split('/o/')[1] ?? '');
    const found = objects.get(name);
    if (name === '') return response.writeHead(200).end('{}');
    if (found === undefined) return refuse(response, 404, 'notFound', `No such object: bucket/${name}`);
    if (request.method === 'DELETE') return objects.delete(name) && response.writeHead(204).end();
    if (url.searchParams.get('alt') !== 'media') return stored(response, name);
    response.writeHead(200, { 'x-goog-hash': `crc32c=${crc32cBase64(found)},md5=x`, 'content-length': found.length });
    response.end(found);
  };
  const standIn = { fault: null as Fault | null, keepOfBroken: (bytes: number) => bytes - (bytes % UNIT) };
  const server = createServer((request, response) => {
    const url = new URL(request.url!, `http://${request.headers.host}`);
    const chunks: Buffer[] = [];
    const seen = (bytes: number) =>
      requests.push({
        method: request.method!,
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        bytes,
      });
    if (standIn.fault?.(request, response, url)) return void seen(0);
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('error', () => undefined);
    request.on('close', () => {
      const body = Buffer.concat(chunks);
      if (request.complete) return;
      seen(body.length);
      // The line broke in mid-chunk: whole units of it are kept.
      const session = sessions.get(url.searchParams.get('upload_id') ?? '');
      if (session !== undefined && request.method === 'PUT')
        session.held = Buffer.concat([session.held, body.subarray(0, standIn.keepOfBroken(body.length))]);
    });
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      seen(body.length);
      serve(request, response, url, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(standIn, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    sessions,
    refuse,
    put: (name: string, body: Buffer) => void objects.set(name, body),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
