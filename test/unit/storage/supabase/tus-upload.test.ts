import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { supabaseStoreSchema } from '../../../../src/config/schema';
import { isHoldfastError } from '../../../../src/errors/holdfast-error';
import { SupabaseAccess } from '../../../../src/storage/supabase/access';
import type { HttpAnswer, HttpCall, Transport } from '../../../../src/storage/supabase/transport';
import { uploadUrl } from '../../../../src/storage/supabase/tus-http';
import { putResumable, TUS_CHUNK } from '../../../../src/storage/supabase/tus-upload';
import { ScriptedTiming } from '../scripted-store';

const URL_BASE = 'http://store.test/storage/v1';
const KEY = 'a/b';
const BODY = Buffer.alloc(2 * TUS_CHUNK + 1234);
for (let at = 0; at < BODY.length; at += 4096) BODY.writeUInt32LE(at, at);

/**
 * `lost`: done, and not answered. `cut`: half of the chunk arrives. `short`: a success that took half of the chunk. `none`: a
 * success that took nothing. `busy`: refused for now. `forget`: the upload is gone. `down`: not reached.
 */
type Fault = 'ok' | 'lost' | 'cut' | 'short' | 'none' | 'busy' | 'forget' | 'down';

interface Upload {
  readonly total: number;
  readonly upsert: boolean;
  readonly metadata: Record<string, string>;
  held: Buffer;
}

/** The upload endpoint and what belongs to it, in memory: the protocol without a socket. */
class TusEndpoint {
  readonly uploads = new Map<string, Upload>();
  readonly objects = new Map<string, { readonly body: Buffer; readonly upload: string | null }>();
  readonly calls: string[] = [];
  /** Uploads whose address nobody was told. */
  orphans = 0;
  /** Runs when an upload has all its bytes; an answer given here stands instead of an object. */
  finishing: () => HttpAnswer | null = () => null;

  constructor(readonly script: Fault[] = []) {}

  async send({ method, url, headers, body, signal }: HttpCall): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    const { pathname } = new URL(url);
    const at = pathname.slice('/storage/v1'.length);
    if (at === '/bucket') return json(200, [{ id: 'backups', name: 'backups' }]);
    if (at.startsWith('/object/info/')) return this.info();
    const id = at.split('/')[3];
    this.calls.push(method);
    if (method === 'DELETE') return this.uploads.delete(id!) ? answer(204) : answer(404, 'The upload does not exist');
    const fault = this.script.shift() ?? 'ok';
    if (fault === 'down') throw broken();
    if (fault === 'busy') return answer(503, 'busy');
    if (fault === 'forget' && id !== undefined) this.uploads.delete(id);
    if (id === undefined) {
      const created = this.create(headers);
      if (fault !== 'lost') return created;
      if (created.status === 201) this.orphans++;
      throw broken();
    }
    const upload = this.uploads.get(id);
    if (upload === undefined) return answer(404, 'The file for this url was not found');
    if (method === 'HEAD') {
      if (fault === 'lost') throw broken();
      return offset(upload, 200);
    }
    return this.patch(upload, headers, body!, fault);
  }

  close(): void {}

  private create(headers: HttpCall['headers']): HttpAnswer {
    const metadata = Object.fromEntries(
      headers['Upload-Metadata']!.split(',').map((pair) => {
        const [name, value] = pair.split(' ');
        return [name, Buffer.from(value!, 'base64').toString()];
      }),
    );
    const upsert = headers['x-upsert'] === 'true';
    if (!upsert && this.objects.has(metadata['objectName'])) return answer(409, 'The resource already exists');
    const id = randomUUID();
    this.uploads.set(id, { total: Number(headers['Upload-Length']), upsert, metadata, held: Buffer.alloc(0) });
    return { ...answer(201), headers: { location: `https://elsewhere.test/upload/resumable/${id}` } };
  }

  private patch(upload: Upload, headers: HttpCall['headers'], body: Buffer, fault: Fault): HttpAnswer {
    if (Number(headers['Upload-Offset']) !== upload.held.length) return answer(409, 'Upload-Offset conflict');
    const taken = fault === 'none' ? 0 : fault === 'cut' || fault === 'short' ? body.length >> 1 : body.length;
    upload.held = Buffer.concat([upload.held, body.subarray(0, taken)]);
    const finished = upload.held.length === upload.total ? this.finish(upload) : null;
    if (fault === 'lost' || fault === 'cut') throw broken();
    return finished ?? offset(upload, 204);
  }

  private finish(upload: Upload): HttpAnswer | null {
    const instead = this.finishing();
    if (instead !== null) return instead;
    if (!upload.upsert && this.objects.has(KEY)) return answer(409, 'The resource already exists');
    const { upload: id } = JSON.parse(upload.metadata['metadata']!) as { upload: string };
    this.objects.set(KEY, { body: upload.held, upload: id });
    return null;
  }

  private info(): HttpAnswer {
    const found = this.objects.get(KEY);
    if (!found) return json(400, { statusCode: '404', code: 'NoSuchKey', message: 'Object not found' });
    const metadata = found.upload === null ? {} : { upload: found.upload };
    return json(200, { id: '1', size: found.body.length, last_modified: new Date(0).toISOString(), metadata });
  }
}

const answer = (status: number, text = ''): HttpAnswer => ({ status, headers: {}, body: Buffer.from(text) });
const offset = (upload: Upload, status: number): HttpAnswer => ({
  ...answer(status),
  headers: { 'upload-offset': String(upload.held.length), 'upload-length': String(upload.total) },
});
const json = (status: number, body: unknown): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
});
const broken = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

function setup(script: Fault[], options: { upsert?: boolean; signal?: AbortSignal; retries?: number } = {}) {
  const endpoint = new TusEndpoint(script);
  const timing = new ScriptedTiming();
  const config = supabaseStoreSchema.parse({
    name: 'far',
    adapter: 'supabase',
    url: URL_BASE,
    bucket: 'backups',
    key: 'env:KEY',
  });
  const access = new SupabaseAccess(
    { ...config, key: 'env:KEY' },
    () => 'sb_secret_x',
    endpoint as unknown as Transport,
    timing,
  );
  const put = () =>
    putResumable({
      access,
      context: access.context('upload', KEY),
      objectKey: KEY,
      body: BODY,
      sha256: 'ab'.repeat(32),
      upsert: options.upsert ?? false,
      signal: options.signal,
      backoff: {
        retries: options.retries ?? 2,
        throttledRetries: 4,
        baseMs: 10,
        maxDelayMs: 100,
        maxElapsedMs: 1e9,
      },
      timing,
    });
  return { endpoint, put };
}

describe('an upload by TUS', () => {
  it.each<[string, Fault[], string[]]>([
    ['in chunks', [], ['POST', 'PATCH', 'PATCH', 'PATCH']],
    [
      'from where the store says that it stands',
      ['ok', 'ok', 'cut'],
      ['POST', 'PATCH', 'PATCH', 'HEAD', 'PATCH', 'PATCH'],
    ],
    ['after a chunk whose answer was lost', ['ok', 'lost'], ['POST', 'PATCH', 'HEAD', 'PATCH', 'PATCH']],
    ['from the offset of a success that took half', ['ok', 'short'], ['POST', 'PATCH', 'PATCH', 'PATCH']],
    [
      'anew when the store has forgotten it',
      ['ok', 'ok', 'forget'],
      ['POST', 'PATCH', 'PATCH', 'POST', 'PATCH', 'PATCH', 'PATCH'],
    ],
    ['again when the creation was refused for now', ['busy'], ['POST', 'POST', 'PATCH', 'PATCH', 'PATCH']],
    [
      'with one upload, when the store cannot be asked for a moment',
      ['ok', 'cut', 'busy', 'down'],
      ['POST', 'PATCH', 'HEAD', 'HEAD', 'HEAD', 'PATCH', 'PATCH', 'PATCH'],
    ],
  ])('sends the object %s', async (_, script, calls) => {
    const { endpoint, put } = setup(script);
    expect(await put()).toBe(true);
    expect(endpoint.objects.get(KEY)!.body.equals(BODY)).toBe(true);
    // Half of a chunk left over makes one more.
    expect(endpoint.calls.slice(0, calls.length - 1)).toEqual(calls.slice(0, -1));
  });

  it('has as many retries again whenever it came further', async () => {
    const script: Fault[] = ['ok'];
    for (let round = 0; round < 8; round++) script.push('cut', 'ok');
    const { endpoint, put } = setup(script, { retries: 1 });
    expect(await put()).toBe(true);
    expect(endpoint.objects.get(KEY)!.body.equals(BODY)).toBe(true);
  });

  it('gives up on a store that takes nothing, and ends the upload there', async () => {
    const { endpoint, put } = setup(['ok', ...Array<Fault>(20).fill('none')]);
    await expect(put()).rejects.toMatchObject({ code: 'STORE_UPLOAD_INCOMPLETE' });
    expect(endpoint.calls.at(-1)).toBe('DELETE');
    expect(endpoint.uploads.size).toBe(0);
  });

  it('says that an object is there already, and ends what it had begun', async () => {
    const { endpoint, put } = setup([]);
    const other = { body: Buffer.from('first'), upload: 'another' };
    endpoint.objects.set(KEY, other);
    expect(await put()).toBe(false);
    expect(endpoint.calls).toEqual(['POST']);
    endpoint.objects.clear();
    endpoint.finishing = () => {
      endpoint.objects.set(KEY, other);
      return answer(409, 'The resource already exists');
    };
    expect(await put()).toBe(false);
    expect(endpoint.uploads.size).toBe(0);
    expect(endpoint.objects.get(KEY)).toBe(other);
  });

  it.each([
    ['ours', null, true],
    ["another upload's", 'another', false],
    ["no upload's", null, false],
  ])('asks whose object stands there when it looks complete: %s', async (whose, upload, created) => {
    const { endpoint, put } = setup(['ok', 'ok', 'ok', 'lost']);
    if (whose !== 'ours')
      endpoint.finishing = () => {
        // Of the same size.
        endpoint.objects.set(KEY, { body: Buffer.alloc(BODY.length), upload });
        return answer(409, 'The resource already exists');
      };
    expect(await put()).toBe(created);
    expect(endpoint.calls.slice(0, 5)).toEqual(['POST', 'PATCH', 'PATCH', 'PATCH', 'HEAD']);
  });

  it('begins anew when it looks complete and no object came of it', async () => {
    const { endpoint, put } = setup(['ok', 'ok', 'ok', 'lost']);
    let failures = 1;
    endpoint.finishing = () => (failures-- > 0 ? answer(500, 'no database') : null);
    expect(await put()).toBe(true);
    expect(endpoint.calls.filter((method) => method === 'POST')).toHaveLength(2);
    expect(endpoint.objects.get(KEY)!.body.equals(BODY)).toBe(true);
  });

  it('ends the upload at the store when it is cancelled', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const { endpoint, put } = setup([], { signal: controller.signal });
    const send = endpoint.send.bind(endpoint);
    endpoint.send = (call) => {
      if (call.method === 'PATCH') controller.abort(reason);
      return send(call);
    };
    await expect(put()).rejects.toBe(reason);
    expect(endpoint.calls).toEqual(['POST', 'DELETE']);
    expect(endpoint.uploads.size).toBe(0);
    expect(endpoint.objects.size).toBe(0);
  });

  it('stores the object whole or not at all, whatever becomes of its requests', async () => {
    const fault = fc.constantFrom<Fault>('ok', 'ok', 'lost', 'cut', 'short', 'none', 'busy', 'forget', 'down');
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 14 }), fc.boolean(), async (script, upsert) => {
        const { endpoint, put } = setup([...script], { upsert });
        const outcome = await put().catch((error: unknown) => error);
        const stored = endpoint.objects.get(KEY);
        if (stored) expect(stored.body.equals(BODY)).toBe(true);
        if (outcome === true) expect(stored).toBeDefined();
        else expect(isHoldfastError(outcome) && outcome.retryable).toBe(true);
        const open = [...endpoint.uploads.values()].filter(({ held, total }) => held.length < total);
        // Of a creation without an answer nobody knows the address: it expires.
        expect(open.length).toBeLessThanOrEqual(endpoint.orphans);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe('the address of an upload', () => {
  it.each([
    ['https://elsewhere/upload/resumable/abc', 'abc'],
    ['/upload/resumable/abc', 'abc'],
    ['http://host/storage/v1/upload/resumable/abc/?x=1#y', 'abc'],
    ['abc', 'abc'],
  ])('is below the configured base, whatever %s names', (location, id) => {
    expect(uploadUrl(URL_BASE, location)).toBe(`${URL_BASE}/upload/resumable/${id}`);
  });

  it('is none when the store names none', () => {
    expect(uploadUrl(URL_BASE, '')).toBeUndefined();
    expect(uploadUrl(URL_BASE, '///')).toBeUndefined();
  });
});
