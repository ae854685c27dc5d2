import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand, type PutObjectCommandInput, type S3Client } from '@aws-sdk/client-s3';
import { HttpResponse, type HttpRequest } from '@smithy/core/protocols';
import { s3StoreSchema } from '../../../../src/config/schema';
import { checksumOf } from '../../../../src/storage/s3/checksum';
import { openS3 } from '../../../../src/storage/s3/client';
import { drain, putHeaders, S3Refusal, type DirectRequests } from '../../../../src/storage/s3/direct';
import { s3Error } from '../../../../src/storage/s3/errors';
import { withPayloadHash } from '../../../../src/storage/s3/requests';
import { ScriptedTiming } from '../scripted-store';

type Answer = { status?: number; headers?: Record<string, string>; body?: string };

const body = Buffer.from('hello');
const sha256 = createHash('sha256').update(body).digest('hex');
const CONTEXT = { store: 'wire', bucket: 'bucket1', operation: 'put', key: 'a' } as const;

/** A client whose requests end here instead of at a socket. */
function record(settings: Record<string, unknown>, answer: () => Answer = () => ({})) {
  const config = s3StoreSchema.parse({
    name: 'wire',
    adapter: 's3',
    bucket: 'bucket1',
    accessKeyId: 'env:KEY',
    secretAccessKey: 'env:SECRET',
    ...settings,
  });
  const opened = openS3(config, (reference) => reference.slice(4), new ScriptedTiming());
  const seen: HttpRequest[] = [];
  const handle = async (request: HttpRequest) => {
    seen.push(request);
    const { status = 200, headers = {}, body: text = '' } = answer();
    return { response: new HttpResponse({ statusCode: status, headers, body: Readable.from([Buffer.from(text)]) }) };
  };
  Object.assign(opened.client.config, { requestHandler: { ...opened.client.config.requestHandler, handle } });
  return { ...opened, config, seen };
}

/** What the two ways of asking have in common: all but what the SDK tells about itself, and what depends on the second. */
function facts({ method, protocol, hostname, port, path, headers, body: sent, query }: HttpRequest) {
  const own = Object.entries(headers).filter(
    ([name]) => !/^(user-agent|x-amz-user-agent|amz-sdk-.*|x-amz-date|authorization)$/.test(name),
  );
  const asked = { ...query };
  delete asked['x-id'];
  return { method, protocol, hostname, port, path, sent, asked, headers: Object.fromEntries(own.sort()) };
}

async function put(direct: DirectRequests, key: string, input: Parameters<typeof putHeaders>[0] = {}) {
  return drain(
    await direct.send({ method: 'PUT', key, headers: putHeaders(input, body.length), body, sha256 }, undefined),
  );
}

describe('a direct request', () => {
  const until = new Date('2027-01-02T03:04:05.678Z');
  const settings: Record<string, unknown>[] = [
    { endpoint: 'http://127.0.0.1:9000', pathStyle: true },
    { endpoint: 'https://store.example:8443/base/', pathStyle: true },
    { endpoint: 'https://store.example', pathStyle: false },
    { region: 'eu-central-1' },
    { region: 'eu-central-1', bucket: 'with.dots' },
    { region: 'us-east-1', sessionToken: 'env:TOKEN' },
  ];
  const inputs: Parameters<typeof putHeaders>[0][] = [
    {},
    { IfNoneMatch: '*', ...checksumOf('sha256', body, sha256) },
    { ...checksumOf('crc32', body, sha256), StorageClass: 'STANDARD_IA' },
    { ContentMD5: 'XUFAKrxLKna5cZ2REBfFkg==', ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: until },
    { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: new Date('2027-01-02T03:04:05Z') },
  ];

  it.each(settings)('that puts is the one that the SDK sends: %j', async (setting) => {
    const { client, direct, config, seen } = record(setting);
    for (const input of inputs)
      for (const Key of ['a', "some/prefix/db=x/segments/0a/it's (1)!*~+é"]) {
        seen.length = 0;
        const object: PutObjectCommandInput = { ...input, Bucket: config.bucket, Key, Body: body };
        await client.send(withPayloadHash(new PutObjectCommand({ ...object, ContentLength: body.length }), sha256));
        await put(direct, Key, input);
        expect(seen).toHaveLength(2);
        expect(facts(seen[1]!)).toEqual(facts(seen[0]!));
        expect(scopeOf(seen[1]!)).toEqual(scopeOf(seen[0]!));
      }
  });

  it.each(settings)('that gets is the one that the SDK sends: %j', async (setting) => {
    const { client, direct, config, seen } = record(setting);
    await client.send(new GetObjectCommand({ Bucket: config.bucket, Key: 'a/b', Range: 'bytes=0-9' }));
    await drain(await direct.send({ method: 'GET', key: 'a/b', headers: { range: 'bytes=0-9' } }, undefined));
    expect(facts(seen[1]!)).toEqual(facts(seen[0]!));
  });

  it('is left to the SDK where the bucket has signatures of its own', async () => {
    const directory = record({ region: 'us-east-1', bucket: 'fast--use1-az4--x-s3' });
    expect(await directory.direct.serves()).toBe(false);
    await expect(put(directory.direct, 'a')).rejects.toMatchObject({ code: 'STORE_UNSUPPORTED' });
    expect(await record({ region: 'us-east-1' }).direct.serves()).toBe(true);
  });

  it.each<{ title: string; answer: Answer; expected: { code: string; context: object } }>([
    {
      title: 'with what its body says, entities undone',
      answer: {
        status: 403,
        headers: { 'x-amz-request-id': 'r1' },
        body: '<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code><Message>a &lt;b&gt; &amp;&#39;&#x41;</Message><ServerTime>2020-01-01T00:00:00Z</ServerTime></Error>',
      },
      expected: {
        code: 'STORE_CLOCK_SKEW',
        context: { status: 403, provider: 'RequestTimeTooSkewed', says: "a <b> &'A", requestId: 'r1' },
      },
    },
    {
      title: 'with the region that it names',
      answer: {
        status: 400,
        body: '<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>',
      },
      expected: { code: 'STORE_REGION_WRONG', context: { region: 'eu-west-3' } },
    },
    {
      title: 'with the region of a redirection that has no body',
      answer: { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-3' } },
      expected: { code: 'STORE_REGION_WRONG', context: { region: 'eu-west-3' } },
    },
    {
      title: 'by its status where a proxy answers',
      answer: { status: 502, body: '<html><body>Bad Gateway</body></html>' },
      expected: { code: 'STORE_SERVER_ERROR', context: { status: 502, provider: 'Unknown' } },
    },
    {
      title: 'without taking a 404 of somebody else for a missing object',
      answer: { status: 404, body: 'not here' },
      expected: { code: 'STORE_REFUSED', context: { status: 404, provider: 'NotFound' } },
    },
  ])('tells a refusal $title', async ({ answer, expected }) => {
    const { direct } = record({ region: 'us-east-1' }, () => answer);
    const refusal = await put(direct, 'a').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(S3Refusal);
    const { context, ...facts } = expected;
    expect(s3Error(refusal, CONTEXT)).toMatchObject({ ...facts, context: expect.objectContaining(context) });
  });

  it('keeps no more of a refusal than a message needs', async () => {
    const { direct } = record({ region: 'us-east-1' }, () => ({ status: 500, body: 'x'.repeat(10_000_000) }));
    const refusal = (await put(direct, 'a').catch((error: unknown) => error)) as S3Refusal;
    expect(refusal.message).toBe('');
    expect(refusal.$metadata.httpStatusCode).toBe(500);
  });

  it('is signed by the clock of the store once an answer has told it, as the requests of the SDK are', async () => {
    const ahead = 3_600_000;
    const { client, direct, seen } = record({ region: 'us-east-1' }, () => ({
      headers: { date: new Date(Date.now() + ahead).toUTCString() },
    }));
    await put(direct, 'a');
    await put(direct, 'a');
    await client.send(new GetObjectCommand({ Bucket: 'bucket1', Key: 'a' }));
    const skews = seen.map(({ headers }) => Math.round((dateOf(headers['x-amz-date']!) - Date.now()) / 60_000));
    expect(skews.map((minutes) => minutes || 0)).toEqual([0, 60, 60]);
  });

  it('does not believe the clock of a cache', async () => {
    const { direct, seen } = record({ region: 'us-east-1' }, () => ({
      headers: { date: new Date(0).toUTCString(), age: '60' },
    }));
    await put(direct, 'a');
    await put(direct, 'a');
    expect(Math.abs(dateOf(seen[1]!.headers['x-amz-date']!) - Date.now())).toBeLessThan(60_000);
  });

  it('asks the client again for its address when that could not be found at first', async () => {
    const { client, direct } = record({ region: 'us-east-1' });
    const { region } = client.config;
    const without: Partial<S3Client['config']> = { region: () => Promise.reject(new Error('no region yet')) };
    Object.assign(client.config, without);
    await expect(put(direct, 'a')).rejects.toThrow('no region yet');
    Object.assign(client.config, { region });
    await put(direct, 'a');
  });
});

/** Whose key, which day, region and service. */
const scopeOf = ({ headers }: HttpRequest) => /Credential=([^,]+)/.exec(headers.authorization ?? '')?.[1];

/** 20270102T030405Z as milliseconds. */
function dateOf(stamp: string): number {
  return Date.parse(stamp.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
}
