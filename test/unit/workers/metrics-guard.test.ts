import { accessSchema } from '../../../src/config/access-schema';
import { newToken, tokenHash } from '../../../src/config/access-tokens';
import { createGovernorRegistry } from '../../../src/load/registry';
import { createMetrics, serveMetrics, type MetricsServer } from '../../../src/workers/metrics';
import { createMetricsGuard } from '../../../src/workers/metrics-guard';

const tokens = { prometheus: newToken(), oncall: newToken(), old: newToken() };
const access = (more: object = {}) =>
  accessSchema.parse({
    tokens: [
      { name: 'prometheus', roles: ['view'], hash: tokenHash(tokens.prometheus) },
      { name: 'oncall', roles: ['operate'], hash: tokenHash(tokens.oncall) },
      { name: 'old', roles: ['view'], hash: tokenHash(tokens.old), expires: '2020-01-01' },
    ],
    ...more,
  });

let server: MetricsServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function serve(config: Parameters<typeof createMetricsGuard>[0], now?: () => Date) {
  const metrics = createMetrics({
    databases: ['shop'],
    catalog: () => Promise.reject(new Error('no catalogue')),
    governors: createGovernorRegistry(),
  });
  const guard = createMetricsGuard(config, now);
  server = await serveMetrics('127.0.0.1:0', metrics, () => ({ ok: true, queues: {} }), guard);
  const { address } = server;
  return (path: string, authorization?: string) =>
    fetch(`http://${address}${path}`, { headers: authorization === undefined ? {} : { authorization } });
}

test('without access in the configuration everybody who reaches the port may scrape', async () => {
  const get = await serve(undefined);
  expect((await get('/metrics')).status).toBe(200);
});

test('with tokens only one that may view is let in, and a refusal says nothing of the metrics', async () => {
  const get = await serve(access());
  for (const authorization of [
    undefined,
    'Bearer',
    'Bearer ',
    `Bearer ${newToken()}`,
    `Bearer ${tokens.old}`,
    `Basic ${tokens.prometheus}`,
    `Bearer ${tokens.prometheus}x`,
  ]) {
    const refused = await get('/metrics', authorization);
    expect({ authorization, status: refused.status }).toEqual({ authorization, status: 401 });
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await refused.text()).not.toContain('holdfast_');
  }
  for (const token of [tokens.prometheus, tokens.oncall]) {
    const allowed = await get('/metrics', `Bearer ${token}`);
    expect(allowed.status).toBe(200);
    expect(await allowed.text()).toContain('holdfast_catalog_up 0');
  }
});

test('whether the worker is alive is told to everybody', async () => {
  const get = await serve(access());
  expect((await get('/healthz')).status).toBe(200);
});

test('metrics: open lets everybody in although there are tokens', async () => {
  const get = await serve(access({ metrics: 'open' }));
  expect((await get('/metrics')).status).toBe(200);
});

test('an address that guesses waits, the right token included, and is let in again after a minute', async () => {
  let now = Date.parse('2026-11-21T06:00:00Z');
  const get = await serve(access(), () => new Date(now));
  for (let count = 0; count < 30; count += 1) expect((await get('/metrics', 'Bearer guess')).status).toBe(401);
  const held = await get('/metrics', `Bearer ${tokens.prometheus}`);
  expect(held.status).toBe(429);
  expect(held.headers.get('retry-after')).toBe('60');
  now += 60_000;
  expect((await get('/metrics', `Bearer ${tokens.prometheus}`)).status).toBe(200);
});
