import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createHttpSampler } from '../../../../../src/load/samplers/http/http-sampler';
import { createPrometheusSampler } from '../../../../../src/load/samplers/http/prometheus-sampler';
import { createSamplerSet } from '../../../../../src/load/samplers/sampler-set';
import { freePort } from '../../../../support/ports';

const signal = new AbortController().signal;
const secrets = (reference: string) => Promise.resolve(`value-of-${reference}`);
const servers: Server[] = [];

/** Resolves with its URL. Connections are cut at the end of the test. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const patient = 20_000;

describe('an HTTP probe', () => {
  const probe = async (url: string, more: Partial<Parameters<typeof createHttpSampler>[0]> = {}) => {
    const sampler = createHttpSampler({ name: 'shop', url, secrets, timeoutMs: patient, ...more });
    try {
      return await sampler.sample(signal);
    } finally {
      await sampler.close();
    }
  };

  test('gives the time of a good answer, and sends secret headers by reference', async () => {
    let seen: unknown;
    const url = await serve((request, response) => {
      seen = request.headers['x-key'];
      response.end('fine');
    });
    const { signals } = await probe(`${url}/health?deep=1`, { secretHeaders: { 'X-Key': 'env:SHOP_KEY' } });
    expect(signals).toEqual({ httpFailures: 0, httpLatencyMs: expect.any(Number) as number });
    expect(seen).toBe('value-of-env:SHOP_KEY');
  });

  test.each([500, 503, 404])('counts status %i as a failure that took its time', async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    expect((await probe(url)).signals).toEqual({ httpFailures: 1, httpLatencyMs: expect.any(Number) as number });
  });

  test('follows no redirect, so that a secret header stays where it belongs', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect((await probe(url)).signals.httpFailures).toBe(0);
    expect((await probe(url, { expectStatus: [200] })).signals.httpFailures).toBe(1);
    expect(asked).toBe(2);
  });

  test.each([401, 403])('that is turned away with %i measures nothing and says so', async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    await expect(probe(url)).rejects.toMatchObject({ code: 'SAMPLER_DENIED' });
    expect((await probe(url, { expectStatus: [status] })).signals.httpFailures).toBe(0);
  });

  test.each<[string, RequestListener]>([
    ['never answers', () => undefined],
    ['never ends its answer', (_, response) => void response.writeHead(200).write('a')],
  ])('counts a server that %s as a failure of at least the limit', async (_, listener) => {
    const { signals } = await probe(await serve(listener), { timeoutMs: 100 });
    expect(signals.httpFailures).toBe(1);
    expect(signals.httpLatencyMs).toBeGreaterThanOrEqual(95);
  });

  test('counts a refused connection and one that is cut off as failures without a time', async () => {
    expect((await probe(`http://127.0.0.1:${await freePort()}/`)).signals).toEqual({ httpFailures: 1 });
    const url = await serve((request) => request.socket.destroy());
    expect((await probe(url)).signals).toEqual({ httpFailures: 1 });
  });

  test('that does not get as far as the application measures nothing, and says why', async () => {
    const url = await serve((_, response) => response.end());
    await expect(probe(url.replace('http:', 'https:'))).rejects.toMatchObject({
      code: 'SAMPLER_FAILED',
      message: expect.stringMatching(/the application cannot be asked: E/),
    });
  });

  test('stops reading an answer without end', async () => {
    const url = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      };
      response.on('drain', more);
      more();
    });
    expect((await probe(url)).signals.httpFailures).toBe(0);
  });

  test('goes on over a kept connection that the server closed in the meantime', async () => {
    const sockets: Socket[] = [];
    const url = await serve((request, response) => {
      sockets.push(request.socket);
      response.end();
    });
    const sampler = createHttpSampler({ name: 'shop', url, secrets, timeoutMs: patient });
    await sampler.sample(signal);
    sockets[0]!.destroy();
    expect((await sampler.sample(signal)).signals.httpFailures).toBe(0);
    await sampler.close();
  });

  test('ends with the reason of an abort', async () => {
    const url = await serve(() => undefined);
    const sampler = createHttpSampler({ name: 'shop', url, secrets, timeoutMs: patient });
    const cancel = new AbortController();
    const sampling = sampler.sample(cancel.signal);
    setImmediate(() => cancel.abort(new Error('enough')));
    await expect(sampling).rejects.toThrow('enough');
    await sampler.close();
  });

  test('whose secret cannot be had fails by name, without the reference', async () => {
    const failing = probe('http://127.0.0.1:1/', {
      secretHeaders: { 'x-key': 'env:NOT_SET' },
      secrets: () => Promise.reject(new Error('env:NOT_SET')),
    });
    await expect(failing).rejects.toMatchObject({ code: 'SAMPLER_FAILED' });
    await expect(failing).rejects.not.toThrow('NOT_SET');
  });
});

describe('a sampler of Prometheus', () => {
  const answer = (value: unknown) => ({
    status: 'success',
    data: { resultType: 'vector', result: [{ metric: {}, value: [Date.now() / 1_000, value] }] },
  });
  const make = (url: string, more: Partial<Parameters<typeof createPrometheusSampler>[0]> = {}) =>
    createPrometheusSampler({ url, queries: { cpu: 'avg(cpu)' }, secrets, timeoutMs: patient, ...more });

  test('asks every query, below the path of the server, with its login', async () => {
    const asked: string[] = [];
    const logins = new Set<string | undefined>();
    const url = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://x');
      asked.push(`${pathname} ${searchParams.get('query')}`);
      logins.add(request.headers.authorization);
      response.end(JSON.stringify(answer(searchParams.get('query') === 'avg(cpu)' ? '0.5' : '7')));
    });
    const queries = { cpu: 'avg(cpu)', 'queue-depth': 'sum(queue{name="a&b"})' };
    const bearer = make(`${url}/prom/`, { queries, bearerToken: 'file:/token' });
    expect(await bearer.sample(signal)).toEqual({
      signals: { 'prometheus:cpu': 0.5, 'prometheus:queue-depth': 7 },
      problems: [],
    });
    await bearer.close();
    expect(asked.sort()).toEqual(['/prom/api/v1/query avg(cpu)', '/prom/api/v1/query sum(queue{name="a&b"})']);
    const basic = make(url, { basicAuth: { user: 'ana', password: 'env:P' } });
    await basic.sample(signal);
    await basic.close();
    expect([...logins]).toEqual([
      'Bearer value-of-file:/token',
      `Basic ${Buffer.from('ana:value-of-env:P').toString('base64')}`,
    ]);
  });

  test('gives what is true beside what lies, hangs or fails, each by name', async () => {
    const url = await serve((request, response) => {
      const query = new URL(request.url!, 'http://x').searchParams.get('query')!;
      if (query === 'hang') return;
      if (query === 'login') return void response.writeHead(401).end();
      if (query === 'broken') return void response.writeHead(500).end('at /srv/secret');
      if (query === 'refused')
        return void response
          .writeHead(400)
          .end(JSON.stringify({ status: 'error', errorType: 'bad_data', error: query }));
      response.end(JSON.stringify(answer(query)));
    });
    const queries = {
      good: '3',
      nan: 'NaN',
      below: '-1',
      hangs: 'hang',
      login: 'login',
      broken: 'broken',
      refused: 'refused',
    };
    const set = createSamplerSet([make(url, { queries, timeoutMs: 1_500 })], { deadlineMs: patient });
    const { samples, failures } = await set.sample();
    await set.close();
    expect(samples).toEqual([expect.objectContaining({ source: 'prometheus', signals: { 'prometheus:good': 3 } })]);
    const named = Object.fromEntries(failures.map(({ kind, message }) => [message.split(':')[0], kind]));
    expect(named).toEqual({
      nan: 'lied',
      below: 'lied',
      hangs: 'hung',
      login: 'denied',
      broken: 'failed',
      refused: 'failed',
    });
    expect(failures.map(({ message }) => message).join()).not.toMatch(/srv|127\.0\.0\.1/);
  });

  test('that cannot be reached says so for each query', async () => {
    const sampler = make(`http://127.0.0.1:${await freePort()}`);
    expect(await sampler.sample(signal)).toEqual({
      signals: {},
      problems: [{ kind: 'failed', message: 'cpu: Prometheus cannot be reached: ECONNREFUSED' }],
    });
    await sampler.close();
  });
});
