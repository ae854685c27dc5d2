/** Samples of load are shown to whoever may view: nothing of what the database's users ask or store is in them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import { configSchema } from '../../../src/config/schema';
import { samplingOf } from '../../../src/config/load-rules';
import { createLoadSamplers } from '../../../src/load/samplers/create-samplers';
import type { LoadReading } from '../../../src/load/samplers/sampler-set';
import { startPostgres, type TestPostgres } from '../../support/postgres';

jest.setTimeout(120_000);

/** Stands in queries, in rows, in the names of a table, a role and an application, in paths, and in what servers answer. */
const MARK = 'geheim4711';

let postgres: TestPostgres;
let server: Server;
let origin: string;
const clients: Client[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  await postgres.createDatabase('shop');
  await postgres.sql(
    `CREATE TABLE ${MARK} (name text); INSERT INTO ${MARK} VALUES ('${MARK}'); CREATE ROLE ${MARK} LOGIN SUPERUSER`,
    'shop',
  );
  server = createServer((request, response) => {
    // As a Prometheus does with a query that it does not understand.
    const body = { status: 'error', errorType: 'bad_data', error: `parse error in ${request.url} near ${MARK}` };
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, 60_000);
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await postgres.stop();
});

async function login(user: string, application: string): Promise<Client> {
  const { host, port } = postgres.target('shop');
  const client = new Client({ host, port, user, database: 'shop', application_name: application });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

/** Samples with this probe until the reading fits. */
async function read(probe: string, fits: (reading: LoadReading) => boolean): Promise<readonly LoadReading[]> {
  const { host, port, user } = postgres.target('shop');
  const config = configSchema.parse({
    version: 1,
    databases: [{ name: 'shop', connection: { host, port, user, database: 'shop', sslmode: 'disable' } }],
    stores: [{ name: 'disk', adapter: 'filesystem', path: '/nowhere' }],
    keys: { repository: 'keys', idKey: 'file:keys/id.key' },
    catalog: { connection: { host, user, database: 'shop' } },
    load: {
      samplers: {
        postgres: { probe },
        http: [{ name: 'front', url: `${origin}/${MARK}` }],
        prometheus: [{ name: 'cpu', url: `${origin}/${MARK}`, query: `sum(x{user="${MARK}"}` }],
      },
    },
  });
  const sampling = samplingOf(config.load, config.databases[0]!);
  const set = createLoadSamplers({
    sampling: { ...sampling, timeout: 20_000 },
    target: () => Promise.resolve(postgres.target('shop')),
    secrets: () => Promise.reject(new Error('none')),
  });
  const readings: LoadReading[] = [];
  try {
    do readings.push(await set.sample());
    while (!fits(readings.at(-1)!) && readings.length < 1_000);
    return readings;
  } finally {
    await set.close();
  }
}

test('what sessions ask, what tables, roles, applications and paths are called, and what servers answer stays out', async () => {
  const dump = await login(postgres.target('shop').user, 'holdfast dump');
  await dump.query(`BEGIN; SELECT * FROM ${MARK}`);
  const app = await login(MARK, MARK);
  const waiting = app.query(`ALTER TABLE ${MARK} ADD COLUMN ${MARK} text DEFAULT '${MARK}'`).catch(() => undefined);
  const waits = ({ samples }: LoadReading) => samples.some(({ signals }) => signals.waitersBehindUs === 1);
  const good = await read(`SELECT '${MARK}'`, waits);
  // A probe that the server refuses, quoting it.
  const bad = await read(`SELECT ${MARK} FROM no_${MARK}`, ({ failures }) => failures.length > 0);
  const readings = [...good, ...bad];
  expect(good.some(waits)).toBe(true);
  const failed = new Set(readings.flatMap(({ failures }) => failures.map(({ source }) => source)));
  expect([...failed].sort()).toEqual(expect.arrayContaining(['postgres', 'prometheus:cpu']));
  expect(JSON.stringify(readings)).not.toContain(MARK);
  expect(JSON.stringify(readings)).not.toContain(origin);
  await dump.query('ROLLBACK');
  await waiting;
});
