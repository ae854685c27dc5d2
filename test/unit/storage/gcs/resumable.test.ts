import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { gcsStoreSchema } from '../../../../src/config/schema';
import type { ObjectStore } from '../../../../src/storage/object-store';
import { createGcsStore } from '../../../../src/storage/gcs/gcs-store';
import { realTiming } from '../../../../src/storage/timing';
import { startGcsStandIn, type GcsStandIn } from '../../../support/gcs-stand-in';

const UNIT = 256 * 1024;
const CHUNK = 4 * UNIT;
const BODY = randomBytes(3 * CHUNK + 12_345);

describe('a resumable upload', () => {
  let server: GcsStandIn;
  let store: ObjectStore;
  const waits: number[] = [];

  beforeEach(async () => {
    server = await startGcsStandIn();
    store = open();
    waits.length = 0;
  });
  afterEach(async () => {
    await store.close();
    await server.stop();
  });

  // The adapter without its decorators: what is tried again here, it tries itself.
  const open = (overrides: Record<string, unknown> = {}) =>
    createGcsStore(
      {
        ...gcsStoreSchema.parse({
          name: 'gcs',
          adapter: 'gcs',
          bucket: 'bucket',
          endpoint: server.endpoint,
          anonymous: true,
          resumableThreshold: '512KiB',
          chunkSize: '1MiB',
          ...overrides,
        }),
        credentials: undefined,
      },
      () => '',
      {
        timing: { ...realTiming, sleep: async (ms) => void waits.push(ms) },
        backoff: { retries: 4, throttledRetries: 10, baseMs: 100, maxDelayMs: 1000, maxElapsedMs: 60_000 },
      },
    );
  const ranges = () =>
    server.requests.filter(({ method }) => method === 'PUT').map(({ headers }) => headers['content-range']);
  /** The fault of the n-th chunk (from 1), once. */
  const onceAtChunk = (n: number, fault: (response: ServerResponse) => unknown) => {
    let chunks = 0;
    server.fault = (request, response) => {
      if (request.method !== 'PUT' || request.headers['content-range']?.startsWith('bytes *')) return false;
      if (++chunks !== n) return false;
      fault(response);
      return true;
    };
  };
  const states = () => [...server.sessions.values()].map(({ state }) => state);

  it('goes in order, in chunks of whole units, with its checksum and its condition stated first', async () => {
    expect(await store.put('a', BODY, { createOnly: true })).toEqual({ created: true });
    expect(server.objects.get('a')!.equals(BODY)).toBe(true);
    const total = BODY.length;
    expect(ranges()).toEqual([
      `bytes 0-${CHUNK - 1}/${total}`,
      `bytes ${CHUNK}-${2 * CHUNK - 1}/${total}`,
      `bytes ${2 * CHUNK}-${3 * CHUNK - 1}/${total}`,
      `bytes ${3 * CHUNK}-${total - 1}/${total}`,
    ]);
    const start = server.requests.find(({ method }) => method === 'POST')!;
    expect(start.query.get('ifGenerationMatch')).toBe('0');
    expect(start.headers['x-upload-content-length']).toBe(String(total));
    expect(states()).toEqual(['finished']);
  });

  it('goes on from what the store holds after a chunk was refused with 503', async () => {
    onceAtChunk(2, (response) => server.refuse(response, 503, 'backendError', 'Try again.'));
    await store.put('a', BODY);
    expect(server.objects.get('a')!.equals(BODY)).toBe(true);
    const total = BODY.length;
    expect(ranges().slice(1, 4)).toEqual([
      `bytes ${CHUNK}-${2 * CHUNK - 1}/${total}`,
      `bytes */${total}`,
      `bytes ${CHUNK}-${2 * CHUNK - 1}/${total}`,
    ]);
    expect(waits).toHaveLength(1);
  });

  it('goes on within a chunk where the store kept a part of it', async () => {
    let broken = false;
    server.fault = (request) => {
      if (request.method !== 'PUT' || broken) return false;
      broken = true;
      let bytes = 0;
      request.on('data', (data: Buffer) => {
        bytes += data.length;
        if (bytes > 2 * UNIT) request.socket.destroy();
      });
      return false;
    };
    server.keepOfBroken = () => 2 * UNIT;
    await store.put('a', BODY);
    expect(server.objects.get('a')!.equals(BODY)).toBe(true);
    expect(ranges()).toContain(`bytes ${2 * UNIT}-${2 * UNIT + CHUNK - 1}/${BODY.length}`);
  });

  it('takes an object for stored whose last answer was lost, and sends nothing again', async () => {
    let lost = false;
    server.fault = (request, response) => {
      if (lost || !request.headers['content-range']?.startsWith(`bytes ${3 * CHUNK}-`)) return false;
      lost = true;
      // Served, but the answer goes nowhere.
      response.end = (() => response.destroy()) as never;
      return false;
    };
    expect(await store.put('a', BODY, { createOnly: true })).toEqual({ created: true });
    expect(ranges()).toHaveLength(5);
    expect(ranges().at(-1)).toBe(`bytes */${BODY.length}`);
  });

  it('waits longer while it is asked to slow down', async () => {
    let refused = 0;
    server.fault = (request, response) =>
      request.method === 'PUT' && ++refused <= 7
        ? server.refuse(response, 429, 'rateLimitExceeded', 'Too many requests.')
        : false;
    await store.put('a', BODY);
    expect(server.objects.get('a')!.equals(BODY)).toBe(true);
    expect(waits).toHaveLength(7);
  });

  it.each([404, 410])('gives up a session that the store has forgotten (%i), to be begun anew', async (status) => {
    onceAtChunk(2, (response) => server.refuse(response, status, 'gone', 'The session is gone.'));
    await expect(store.put('a', BODY)).rejects.toMatchObject({ code: 'STORE_UPLOAD_INCOMPLETE', retryable: true });
    expect(waits).toEqual([]);
  });

  it('gives up when the store keeps nothing of what it takes, and cancels', async () => {
    server.fault = (request, response) => {
      if (request.method !== 'PUT') return false;
      request.resume();
      response.writeHead(308).end();
      return true;
    };
    await expect(store.put('a', BODY)).rejects.toMatchObject({ code: 'STORE_SERVER_ERROR' });
    expect(waits).toHaveLength(4);
    expect(states()).toEqual(['cancelled']);
  });

  it('cancels the session when the caller aborts, and never names its address', async () => {
    const controller = new AbortController();
    const reason = new Error('the operator cancelled');
    server.fault = (request) => {
      if (request.headers['content-range']?.startsWith(`bytes ${CHUNK}-`)) controller.abort(reason);
      return false;
    };
    await expect(store.put('a', BODY, { signal: controller.signal })).rejects.toBe(reason);
    expect(states()).toEqual(['cancelled']);
    expect(server.objects.size).toBe(0);
  });

  it('says created: false when another one was first, at the start or at the end', async () => {
    server.put('early', Buffer.from('x'));
    expect(await store.put('early', BODY, { createOnly: true })).toEqual({ created: false });
    onceAtChunk(4, (response) => server.refuse(response, 412, 'conditionNotMet', 'A condition did not hold.'));
    expect(await store.put('late', BODY, { createOnly: true })).toEqual({ created: false });
    expect(server.objects.get('early')!.toString()).toBe('x');
  });

  it('removes what the store took when it is not what was sent', async () => {
    onceAtChunk(4, (response) => {
      server.put('a', Buffer.from('something else'));
      response.end(JSON.stringify({ size: '14', crc32c: 'AAAAAA==', generation: '7' }));
    });
    await expect(store.put('a', BODY)).rejects.toMatchObject({ code: 'STORE_TRANSFER_DAMAGED', retryable: true });
    expect(server.requests.at(-1)).toMatchObject({ method: 'DELETE', path: '/storage/v1/b/bucket/o/a' });
    expect(server.requests.at(-1)!.query.get('ifGenerationMatch')).toBe('7');
    expect(server.objects.size).toBe(0);
  });

  it('makes no object of bytes that were damaged on their way', async () => {
    server.fault = (request) => {
      const first = request.headers['content-range']?.startsWith('bytes 0-');
      if (first)
        request.on('data', (data: Buffer) => {
          data[0]! ^= 1;
        });
      return false;
    };
    await expect(store.put('a', BODY)).rejects.toMatchObject({ code: 'STORE_TRANSFER_DAMAGED', retryable: true });
    expect(server.objects.size).toBe(0);
  });

  it('reads nothing that does not have the checksum that the store gives', async () => {
    server.put('a', Buffer.from('whole'));
    expect((await store.get('a')).toString()).toBe('whole');
    server.fault = (_, response) => {
      response.writeHead(200, { 'x-goog-hash': 'crc32c=AAAAAA==' }).end('whale');
      return true;
    };
    await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_TRANSFER_DAMAGED', retryable: true });
  });

  it('leaves no socket open when it is closed', async () => {
    await store.put('a', BODY);
    const sockets = new Set<unknown>();
    server.fault = (request) => {
      sockets.add(request.socket);
      request.socket.once('close', () => sockets.delete(request.socket));
      return false;
    };
    await Promise.all(Array.from({ length: 5 }, () => store.head('a')));
    expect(sockets.size).toBeGreaterThan(0);
    await store.close();
    while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
