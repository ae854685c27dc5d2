import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadSchema } from '../../../../src/config/load-schema';
import { samplingOf } from '../../../../src/config/load-rules';
import { createLoadSamplers } from '../../../../src/load/samplers/create-samplers';
import { createStoreMeter } from '../../../../src/load/samplers/store-meter';

const secrets = (reference: string) => Promise.resolve(`value-of-${reference}`);
const target = () => Promise.reject(new Error('not to be connected to'));
const sampling = (samplers: object) => samplingOf(loadSchema.parse({ samplers }), {});

test('without a word in the config the server, the host and the stores are measured', async () => {
  const meter = createStoreMeter();
  const set = createLoadSamplers({
    sampling: sampling({}),
    target,
    secrets,
    stores: { names: ['a', 'b'], meter },
  });
  expect(set.sources).toEqual(['postgres', 'host', 'store:a', 'store:b']);
  await set.close();
});

test('what is switched off is not there', async () => {
  const set = createLoadSamplers({
    sampling: sampling({ postgres: { enabled: false }, host: { enabled: false }, stores: false }),
    target,
    secrets,
    stores: { names: ['a'], meter: createStoreMeter() },
  });
  expect(set.sources).toEqual([]);
  expect(await set.sample()).toEqual({ samples: [], failures: [] });
  await set.close();
});

test('probes and queries are made as configured, secrets resolved when they are used, and a failure costs the others nothing', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url!.split('?')[0]} ${request.headers.authorization ?? '-'}`);
    const result = { resultType: 'scalar', result: [Date.now() / 1_000, '0.4'] };
    response.end(JSON.stringify({ status: 'success', data: result }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const set = createLoadSamplers({
    sampling: {
      ...sampling({
        host: { enabled: false },
        http: [{ name: 'shop', url: `${url}/health`, method: 'HEAD', authorization: 'env:SHOP' }],
        prometheus: [{ name: 'rds-cpu', url, query: 'avg(x)', token: 'file:/t' }],
      }),
      timeout: 20_000,
    },
    target,
    secrets,
  });
  expect(set.sources).toEqual(['postgres', 'http:shop', 'prometheus:rds-cpu']);
  const { samples, failures } = await set.sample();
  await set.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const signals = Object.fromEntries(samples.map((sample) => [sample.source, sample.signals]));
  expect(signals).toEqual({
    'http:shop': { httpFailures: 0, httpLatencyMs: expect.any(Number) as number },
    'prometheus:rds-cpu': { 'prometheus:rds-cpu': 0.4 },
  });
  expect(failures).toEqual([
    expect.objectContaining({ source: 'postgres', kind: 'failed', message: 'connecting: an unexpected fault: Error' }),
  ]);
  expect(asked.sort()).toEqual(['GET /api/v1/query Bearer value-of-file:/t', 'HEAD /health value-of-env:SHOP']);
});
