/**
 * Stores break at random while backups are taken: at the end every backup is at every store, and each copy is proved
 * `exact`. HOLDFAST_CHAOS_SECONDS sets for how long (default 30), HOLDFAST_CHAOS_SEED what is broken when: the same seed repeats
 * the choices of an earlier run; HOLDFAST_CHAOS_REPORT names a file for the report.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { HoldfastConfigInput } from '../../src/config/schema';
import { createStore } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { createDice } from '../support/chaos/dice';
import { chaosReport } from '../support/chaos/report';
import { startStorm, type StormEvent } from '../support/chaos/storm';
import { filesBelow, folderUnderChaos, serverUnderChaos } from '../support/chaos/stores';
import { startGcsServer, type GcsTestServer } from '../support/gcs-server';
import { startS3Server, type S3TestServer } from '../support/s3-server';
import { endOpenRuns, fillShop, secrets, startStack, type Stack } from '../support/stack';
import { tempFolder, type TempFolder } from '../support/temp';
import { startToxiproxy, type Toxiproxy } from '../support/toxiproxy';
import { startWorkerProcess, type WorkerProcess } from '../support/worker-process';

const SECONDS = Number(process.env.HOLDFAST_CHAOS_SECONDS ?? 30);
const SEED = Number(process.env.HOLDFAST_CHAOS_SEED ?? 11);
/** Filling what lacks and proving every copy, on a busy machine. */
const AFTERMATH_MS = 600_000;
const ROWS = 600;

let server: S3TestServer;
let google: GcsTestServer;
let toxiproxy: Toxiproxy;
let stack: Stack;
let worker: WorkerProcess;
let credentials: TempFolder;
const direct = new Map<string, ObjectStore>();

beforeAll(async () => {
  server = await startS3Server();
  await server.createBucket('chaos');
  google = await startGcsServer();
  await google.createBucket('chaos');
  toxiproxy = await startToxiproxy();
  credentials = await tempFolder('chaos');
});
afterAll(async () => {
  if (stack) await endOpenRuns(stack);
  await worker?.stop();
  for (const store of direct.values()) await store.close();
  await stack?.stop();
  await toxiproxy?.stop();
  await google?.stop();
  await server?.stop();
  await credentials?.remove();
}, 60_000);

test(
  `every backup ends at every store, proved exact, after ${SECONDS} s in which stores break (seed ${SEED})`,
  async () => {
    const dice = createDice(SEED);
    const secret = async (kind: string, value: string) => {
      const file = path.join(credentials.path, kind);
      await writeFile(file, value, { mode: 0o600 });
      return `file:${file}`;
    };
    const limits = { timeout: '3s', retries: 2 };
    const far = {
      s3: await toxiproxy.proxy(`127.0.0.1:${server.port}`),
      gcs: await toxiproxy.proxy(`127.0.0.1:${google.port}`),
    };
    const moreStores: HoldfastConfigInput['stores'] = [
      {
        name: 's3',
        adapter: 's3',
        bucket: 'chaos',
        endpoint: `http://127.0.0.1:${far.s3.port}`,
        pathStyle: true,
        accessKeyId: await secret('id', server.accessKeyId),
        secretAccessKey: await secret('secret', server.secretAccessKey),
        limits,
      },
      {
        name: 'gcs',
        adapter: 'gcs',
        bucket: 'chaos',
        endpoint: `http://127.0.0.1:${far.gcs.port}`,
        anonymous: true,
        limits,
      },
    ];
    stack = await startStack({
      stores: ['disk'],
      moreStores,
      database: { retention: { enforce: false }, verification: { grade: 'exact' } },
    });
    await fillShop(stack.postgres, ROWS);
    const near: Record<string, string> = { s3: server.endpoint, gcs: google.endpoint };
    for (const config of stack.config.stores) {
      const endpoint = near[config.name];
      direct.set(
        config.name,
        createStore(endpoint === undefined ? config : ({ ...config, endpoint } as typeof config), secrets),
      );
    }
    worker = await startWorkerProcess(stack.folder, stack.input, {
      dumpHeartbeatMs: 5_000,
      progressMs: 500,
      replicateWaitMs: 2_000,
      probeMs: 3_000,
    });
    const names = stack.config.stores.map(({ name }) => name);
    const request = async () => {
      const { workflowId } = await stack.client.requestBackup({
        database: 'shop',
        type: 'incremental',
        overlap: 'skip',
        requestedBy: 'chaos',
      });
      return stack.client.requestResult(workflowId).then(
        (result) => result.backup,
        () => null,
      );
    };
    // The first in calm, so that there is a base and something to damage.
    const first = await request();
    expect(first).toMatchObject({ grade: 'exact' });
    expect(first!.copies.map(({ state }) => state)).not.toContain('pending');

    const storm = startStorm({
      dice,
      stores: [
        folderUnderChaos('disk', stack.storePath('disk'), 'shop'),
        serverUnderChaos('s3', far.s3, () => filesBelow(path.join(server.folder, 'chaos', 'shop', 'segments'))),
        serverUnderChaos('gcs', far.gcs, () => filesBelow(path.join(google.folder, 'chaos', 'shop', 'segments'))),
      ],
      async hasTwin(object, store) {
        const key = `shop/segments/${object.slice(0, 2)}/${object}`;
        for (const name of names)
          if (
            name !== store &&
            (await direct
              .get(name)!
              .head(key)
              .catch(() => null))
          )
            return true;
        return false;
      },
    });
    let failedRuns = 0;
    let row = ROWS;
    for (const end = performance.now() + SECONDS * 1_000; performance.now() < end;) {
      await stack.postgres.sql(
        `INSERT INTO items SELECT i, repeat(md5(i::text), 20) FROM generate_series(${row + 1}, ${row + 50}) i;
         UPDATE items SET body = body || 'x' WHERE id % 17 = ${row % 17}`,
        'shop',
      );
      row += 50;
      if ((await request()) === null) failedRuns += 1;
    }
    await storm.stop();

    // What was left for later is filled by itself, without another dump.
    const filling = async () =>
      (await stack.client.runs({ database: 'shop', open: true })).filter(
        ({ type }) => type !== 'retention' && type !== 'storeHealth',
      );
    for (const end = Date.now() + AFTERMATH_MS / 2; (await filling()).length > 0; await delay(500))
      if (Date.now() > end)
        throw new Error(
          await stillOpen(
            (await filling()).map(({ workflowId }) => workflowId),
            storm.events,
          ),
        );

    const backups = (await stack.catalog.jobs({ database: 'shop', status: 'completed' })).toReversed();
    expect(backups.length).toBeGreaterThanOrEqual(2);
    const proofs = [];
    for (const { backupId } of backups)
      for (const store of names) {
        const before = (await stack.catalog.copies({ backupId, store }))[0]?.state ?? 'absent';
        const { workflowId } = await stack.client.startVerify({
          database: 'shop',
          backupId,
          store,
          grade: 'exact',
          requestedBy: 'chaos',
        });
        const { grade, failure, rows } = await stack.client.verifyResult(workflowId);
        proofs.push({
          backupId,
          store,
          before,
          grade,
          failure: failure && `${failure.code}: ${failure.message}`,
          rows,
        });
      }
    const report = chaosReport({ seed: SEED, seconds: SECONDS, events: storm.events, backups, proofs, failedRuns });
    if (process.env.HOLDFAST_CHAOS_REPORT) await writeFile(process.env.HOLDFAST_CHAOS_REPORT, report);
    expect(proofs.filter(({ grade }) => grade !== 'exact')).toEqual([]);
    const copies = await stack.catalog.copies({ database: 'shop' });
    for (const { backupId } of backups)
      expect(
        copies
          .filter((copy) => copy.backupId === backupId)
          .map(({ store, state, grade }) => ({ store, state, grade }))
          .sort((one, other) => names.indexOf(one.store) - names.indexOf(other.store)),
      ).toEqual(names.map((store) => ({ store, state: 'proved', grade: 'exact' })));
    // A storm that broke nothing would prove nothing.
    expect(storm.events.length).toBeGreaterThan(SECONDS / 10);
  },
  SECONDS * 1_000 + AFTERMATH_MS,
);

/** What a run that does not end waits for, what is known of the copies, and what had been broken. */
async function stillOpen(workflowIds: readonly string[], events: readonly StormEvent[]): Promise<string> {
  const lines = ['still open:'];
  for (const workflowId of workflowIds) {
    const { pendingActivities } = await stack.env.client.workflow
      .getHandle(workflowId)
      .describe()
      .then(({ raw }) => raw);
    const doing = (pendingActivities ?? []).map(
      ({ activityType, attempt, lastFailure }) =>
        `${activityType?.name} (attempt ${attempt}${lastFailure?.message ? `, before: ${lastFailure.message}` : ''})`,
    );
    lines.push(`  ${workflowId}: ${doing.join(', ') || 'waits'}`);
  }
  for (const { backupId, store, state, detail } of await stack.catalog.copies({ database: 'shop' }))
    if (state !== 'proved') lines.push(`  ${backupId} at ${store}: ${state} ${detail ?? ''}`);
  for (const { atMs, store, fault, forMs } of events)
    lines.push(`  ${atMs} ms ${store}: ${fault}${forMs === null ? '' : ` for ${forMs} ms`}`);
  return lines.join('\n');
}
