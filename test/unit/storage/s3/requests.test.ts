/** What goes over the wire, and what is made of odd answers: against a small HTTP server with canned answers. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { s3StoreSchema } from '../../../../src/config/schema';
import { DEFAULT_BACKOFF } from '../../../../src/storage/backoff';
import type { ObjectInfo, ObjectStore } from '../../../../src/storage/object-store';
import { partSizeOf } from '../../../../src/storage/s3/multipart';
import { createS3Store } from '../../../../src/storage/s3/s3-store';
import { ScriptedTiming } from '../scripted-store';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
type Answer = { status?: number; headers?: Record<string, string>; body?: string };

const MIB = 1024 * 1024;
const xml = (text: string): Answer => ({
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0"?>${text}`,
});
const fault = (status: number, code: string): Answer => ({
  status,
  ...xml(`<Error><Code>${code}</Code><Message>told so</Message></Error>`),
});

describe('an S3 store on the wire', () => {
  let server: Server;
  let seen: Seen[];
  let answer: (request: Seen) => Answer;
  const opened: ObjectStore[] = [];

  beforeAll(async () => {
    server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { method = '', url = '', headers } = incoming;
        const request = { method, url, headers, body: Buffer.concat(chunks).toString('latin1') };
        seen.push(request);
        const { status = 200, headers: replied, body = '' } = answer(request);
        outgoing.writeHead(status, replied).end(method === 'HEAD' ? undefined : body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  beforeEach(() => {
    seen = [];
    answer = () => ({});
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  const open = (overrides: Record<string, unknown> = {}) => {
    const config = s3StoreSchema.parse({
      name: 'wire',
      adapter: 's3',
      bucket: 'bucket1',
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      pathStyle: true,
      accessKeyId: 'env:KEY',
      secretAccessKey: 'env:SECRET',
      ...overrides,
    });
    const store = createS3Store(config, () => 'secret', {
      timing: new ScriptedTiming(),
      backoff: { ...DEFAULT_BACKOFF, retries: 1 },
    });
    opened.push(store);
    return store;
  };
  const list = async (store: ObjectStore, prefix = '') => {
    const found: ObjectInfo[] = [];
    for await (const info of store.list(prefix)) found.push(info);
    return found.map(({ key }) => key);
  };

  it('sends the hash that is known, once, with the condition, and without waiting for a go-ahead', async () => {
    const body = Buffer.from('hello');
    const sha256 = createHash('sha256').update(body).digest('hex');
    await open({ prefix: 'p' }).put('a/b', body, { sha256, createOnly: true });
    const { method, url, headers } = seen[0]!;
    expect([method, url.split('?')[0]]).toEqual(['PUT', '/bucket1/p/a/b']);
    expect(headers['x-amz-content-sha256']).toBe(sha256);
    expect(headers['x-amz-checksum-sha256']).toBe(Buffer.from(sha256, 'hex').toString('base64'));
    expect(headers['if-none-match']).toBe('*');
    expect(headers['content-length']).toBe('5');
    for (const absent of ['expect', 'x-amz-trailer', 'transfer-encoding', 'x-amz-checksum-crc32', 'content-encoding'])
      expect(headers[absent]).toBeUndefined();
  });

  it('sends no checksum where the store takes none, and another where it is asked for', async () => {
    await open({ checksum: 'none', createOnly: 'none' }).put('a', Buffer.from('hello'));
    await open({ checksum: 'crc32' }).put('a', Buffer.from('hello'));
    expect(Object.keys(seen[0]!.headers).filter((name) => name.startsWith('x-amz-checksum'))).toEqual([]);
    expect(seen[0]!.headers['if-none-match']).toBeUndefined();
    expect(seen[1]!.headers['x-amz-checksum-crc32']).toBe('NhCmhg==');
  });

  it('locks objects and chooses their class as configured, with a digest even where checksums are off', async () => {
    const objectLock = { mode: 'GOVERNANCE', retain: '7d' };
    await open({ objectLock, storageClass: 'STANDARD_IA', checksum: 'none' }).put('a', Buffer.from('hello'));
    const { headers } = seen[0]!;
    expect(headers['x-amz-object-lock-mode']).toBe('GOVERNANCE');
    const days = (Date.parse(String(headers['x-amz-object-lock-retain-until-date'])) - Date.now()) / 86_400_000;
    expect(days).toBeCloseTo(7, 1);
    expect(headers['x-amz-storage-class']).toBe('STANDARD_IA');
    expect(headers['content-md5']).toBe(createHash('md5').update('hello').digest('base64'));
  });

  it('takes 412 for an object that exists, only when it asked', async () => {
    answer = () => fault(412, 'PreconditionFailed');
    expect(await open().put('a', Buffer.from('x'), { createOnly: true })).toEqual({ created: false });
    await expect(open().put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('sends a put that is refused once more, for a store that refuses it while it takes the folder away', async () => {
    answer = () => (seen.length === 1 ? fault(403, 'AccessDenied') : {});
    expect(await open().put('a', Buffer.from('x'), { createOnly: true })).toEqual({ created: true });
    expect(seen.map(({ method, body }) => `${method} ${body}`)).toEqual(['PUT x', 'PUT x']);
    seen = [];
    answer = () => fault(403, 'AccessDenied');
    await expect(open().put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_ACCESS_DENIED' });
    expect(seen).toHaveLength(2);
    seen = [];
    answer = () => fault(403, 'SignatureDoesNotMatch');
    await expect(open().put('a', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
    expect(seen).toHaveLength(1);
  });

  it('looks before it writes where the store has no conditional writes', async () => {
    const store = open({ createOnly: 'none' });
    expect(store.capabilities.createOnly).toBe(false);
    answer = () => ({ headers: { 'content-length': '3', 'last-modified': new Date().toUTCString() } });
    expect(await store.put('a', Buffer.from('x'), { createOnly: true })).toEqual({ created: false });
    expect(seen.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('does not take a 404 for a missing object when the bucket does not answer to these credentials', async () => {
    answer = ({ method }) => (method === 'HEAD' ? { status: 404 } : fault(403, 'InvalidAccessKeyId'));
    await expect(open().head('a')).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
    answer = ({ method }) => (method === 'HEAD' ? { status: 404 } : fault(404, 'NoSuchBucket'));
    await expect(open().head('a')).rejects.toMatchObject({ code: 'STORE_BUCKET_MISSING' });
    answer = ({ method }) => (method === 'HEAD' ? { status: 404 } : fault(403, 'AccessDenied'));
    expect(await open().head('a')).toBeNull();
  });

  it('finds the reason of a refused HEAD, whose answer cannot say it', async () => {
    answer = ({ method }) => (method === 'HEAD' ? { status: 403 } : fault(403, 'SignatureDoesNotMatch'));
    await expect(open().head('a')).rejects.toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
  });

  it('cuts the range itself when the store sends the whole object', async () => {
    answer = () => ({ body: '0123456789' });
    expect((await open().get('a', { range: { start: 2, end: 5 } })).toString()).toBe('234');
  });

  it('refuses a listing that is cut short and does not say how it goes on', async () => {
    answer = () =>
      xml('<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>');
    await expect(list(open())).rejects.toMatchObject({ code: 'STORE_SERVER_ERROR' });
  });

  it('follows pages, takes the prefix of the store off, and passes over folder markers', async () => {
    answer = ({ url }) => {
      const second = url.includes('continuation-token=t1');
      const keys = second ? ['p/b'] : ['p/', 'p/a', 'p/a/'];
      const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('');
      const more = second ? '' : '<NextContinuationToken>t1</NextContinuationToken>';
      return xml(`<ListBucketResult><IsTruncated>${!second}</IsTruncated>${more}${contents}</ListBucketResult>`);
    };
    expect(await list(open({ prefix: 'p' }))).toEqual(['a', 'b']);
  });

  it('reports the keys of a batch that would not go, and why', async () => {
    answer = () =>
      xml(
        '<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code><Message>protected by object lock</Message></Error></DeleteResult>',
      );
    await expect(open().delete(['a', 'b'])).rejects.toMatchObject({
      code: 'STORE_OBJECT_LOCKED',
      message: expect.stringMatching(/1 of 2 objects.*\[key=b\]/),
    });
    answer = () => xml('<DeleteResult><Error><Key>b</Key><Code>SlowDown</Code></Error></DeleteResult>');
    await expect(open().delete(['a', 'b'])).rejects.toMatchObject({ code: 'STORE_THROTTLED', retryable: true });
    answer = () => xml('<DeleteResult><Error><Key>b</Key><Code>NoSuchKey</Code></Error></DeleteResult>');
    await open().delete(['a', 'b']);
  });

  it('deletes one by one at a store without batches, and remembers it', async () => {
    answer = ({ method }) => (method === 'POST' ? fault(501, 'NotImplemented') : { status: 204 });
    const store = open();
    await store.delete(['a', 'b']);
    await store.delete(['c', 'd']);
    expect(seen.map(({ method }) => method)).toEqual(['POST', 'DELETE', 'DELETE', 'DELETE', 'DELETE']);
  });

  it('deletes in batches of a thousand', async () => {
    answer = () => xml('<DeleteResult></DeleteResult>');
    await open().delete(Array.from({ length: 2001 }, (_, i) => `k${i}`));
    expect(seen.map(({ method, body }) => `${method} ${body.match(/<Key>/g)?.length ?? 0}`)).toEqual([
      'POST 1000',
      'POST 1000',
      'DELETE 0',
    ]);
  });

  describe('with a large object', () => {
    const large = Buffer.alloc(11 * MIB, 1);
    const settings = { multipartThreshold: '5MiB', partSize: '5MiB' };
    const upload = (parts: (sizes: number[]) => string, complete: () => Answer) => {
      answer = ({ method, url }) => {
        if (method === 'POST' && url.includes('uploads')) return xml('<R><UploadId>u1</UploadId></R>');
        if (method === 'PUT') return { headers: { etag: `"e${/partNumber=(\d+)/.exec(url)![1]}"` } };
        if (method === 'GET') return xml(`<ListPartsResult>${parts([5 * MIB, 5 * MIB, MIB])}</ListPartsResult>`);
        if (method === 'DELETE') return fault(404, 'NoSuchUpload');
        return complete();
      };
    };
    const part = (number: number, size: number, etag = `e${number}`) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag><Size>${size}</Size></Part>`;
    const done = () => xml('<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>');
    const methods = () => seen.map(({ method }) => method);

    it('sends equal parts, compares what the store holds, and completes them in order', async () => {
      upload((sizes) => sizes.map((size, i) => part(i + 1, size)).join(''), done);
      await open(settings).put('a', large);
      expect(methods().sort()).toEqual(['GET', 'POST', 'POST', 'PUT', 'PUT', 'PUT']);
      const numbers = [...seen.at(-1)!.body.matchAll(/<PartNumber>(\d)/g)].map((match) => match[1]);
      expect(numbers).toEqual(['1', '2', '3']);
    });

    it.each([
      ['lost a part', (sizes: number[]) => part(1, sizes[0]!) + part(3, sizes[2]!)],
      ['holds a part cut short', (sizes: number[]) => part(1, sizes[0]!) + part(2, 17) + part(3, sizes[2]!)],
      ['holds another part', (sizes: number[]) => part(1, sizes[0]!) + part(2, sizes[1]!, 'z') + part(3, sizes[2]!)],
    ])('aborts and says so when the store %s', async (_, parts) => {
      upload(parts, done);
      await expect(open(settings).put('a', large)).rejects.toMatchObject({
        code: 'STORE_UPLOAD_INCOMPLETE',
        retryable: true,
      });
      expect(methods()).toContain('DELETE');
      expect(seen.filter(({ method, url }) => method === 'POST' && url.includes('uploadId'))).toEqual([]);
    });

    it('aborts when completing fails, also with an error inside a 200', async () => {
      upload(
        (sizes) => sizes.map((size, i) => part(i + 1, size)).join(''),
        () => ({ ...fault(200, 'InternalError') }),
      );
      await expect(open(settings).put('a', large)).rejects.toMatchObject({
        code: 'STORE_SERVER_ERROR',
        retryable: true,
      });
      expect(methods()).toContain('DELETE');
    });

    it('goes on aborting until the store has said twice in a row that the upload is gone', async () => {
      const gone = fault(404, 'NoSuchUpload');
      // A part that lands late makes the first abort fail, and brings the upload back after the third.
      const aborts = [fault(500, 'InternalError'), {}, gone, {}, gone, gone];
      answer = ({ method }) => {
        if (method === 'POST') return xml('<R><UploadId>u1</UploadId></R>');
        if (method === 'PUT') return { headers: { etag: '"e"' } };
        if (method === 'GET') return xml('<ListPartsResult></ListPartsResult>');
        return aborts.shift() ?? fault(400, 'asked once more than needed');
      };
      await expect(open(settings).put('a', large)).rejects.toMatchObject({ code: 'STORE_UPLOAD_INCOMPLETE' });
      expect(methods().slice(methods().indexOf('DELETE'))).toEqual(
        // Each abort that the store takes is followed by a look.
        ['DELETE', 'DELETE', 'GET', 'DELETE', 'DELETE', 'GET', 'DELETE', 'DELETE'],
      );
      expect(aborts).toEqual([]);
    });

    it('leaves an upload that it may not abort', async () => {
      answer = ({ method }) => {
        if (method === 'POST') return xml('<R><UploadId>u1</UploadId></R>');
        if (method === 'PUT') return { headers: { etag: '"e"' } };
        if (method === 'GET') return xml('<ListPartsResult></ListPartsResult>');
        return fault(403, 'AccessDenied');
      };
      await expect(open(settings).put('a', large)).rejects.toMatchObject({ code: 'STORE_UPLOAD_INCOMPLETE' });
      expect(methods().filter((method) => method === 'DELETE')).toHaveLength(1);
    });

    it('stays below ten thousand parts and above the least size of a part', () => {
      expect(partSizeOf(100 * MIB, 16 * MIB)).toBe(16 * MIB);
      expect(partSizeOf(100 * MIB, 1)).toBe(5 * MIB);
      expect(Math.ceil(1e12 / partSizeOf(1e12, 16 * MIB))).toBeLessThanOrEqual(10_000);
    });
  });
});
