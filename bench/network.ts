import { join } from 'node:path';
import { ensureTool, startEmbeddedGcs } from '../src/provision';
import type { Bench } from './bench';
import { openFarStores, type FarStore } from './far-stores';
import { fullBackup } from './full';
import { runHoldfast, type StoreInput } from './holdfast';
import { interleave, type Lane, type LaneResult } from './measure';

export const TOGETHER = 'all of them at once';

/** A full backup over a slow network: to each far store alone, and to all of them at once. */
export async function measureNetwork(bench: Bench): Promise<LaneResult[]> {
  const gcs = await openGcs(bench);
  const far = await openFarStores(bench, [...bench.servers, gcs.fresh()]).catch(async (error: unknown) => {
    await gcs.close();
    throw error;
  });
  try {
    /** The Google store is not emptied between the runs: each has a prefix of its own. */
    const fresh = (store: FarStore) => (store.name === gcs.name ? { ...store, prefix: gcs.fresh().prefix } : store);
    const lane = (name: string, stores: readonly FarStore[]): Lane => ({
      name,
      prepare: async () => bench.clean(),
      run: () => fullBackup(bench, stores.map(fresh)),
    });
    return await interleave(
      [...far.stores.map((store) => lane(`${store.name} alone`, [store])), lane(TOGETHER, far.stores)],
      bench.options.rounds,
      bench.say,
    );
  } finally {
    await far.close();
    await gcs.close();
  }
}

/** Of the objects of one measurement of a provider. */
const OBJECTS = 64;
const OBJECT_BYTES = 4 * 2 ** 20;

/** How fast objects go to each kind of store and come back, four at once, on this machine. Facts: uploadMs, readMs. */
export async function measureProviders(bench: Bench): Promise<LaneResult[]> {
  const request = { op: 'rates', objects: OBJECTS, objectBytes: OBJECT_BYTES } as const;
  const common = { keysDir: bench.keysDir, binDirs: [bench.binDir] };
  const lane = (name: string, store: () => StoreInput): Lane => ({
    name,
    prepare: async () => bench.clean(),
    run: () => runHoldfast({ ...common, ...request, stores: [store()] }, bench.env),
  });
  const gcs = await openGcs(bench);
  try {
    return await interleave(
      [
        ...[bench.stores.folder, ...bench.servers].map((store) => lane(store.name, () => store)),
        lane(gcs.name, gcs.fresh),
      ],
      bench.options.rounds,
      bench.say,
    );
  } finally {
    await gcs.close();
  }
}

/** A server that speaks Google Cloud Storage. Each round has a prefix of its own, since what is there already is not sent. */
async function openGcs(bench: Bench) {
  const bucket = 'bench';
  const name = 'gcs';
  const { path: program } = await ensureTool('fakeGcs', { say: bench.say });
  const server = await startEmbeddedGcs({ program, folder: join(bench.options.folder, 'gcs'), buckets: [bucket] });
  bench.supervisor.add('GCS', () => server.stop());
  let rounds = 0;
  const fresh = (): FarStore => ({
    ...{ name, adapter: 'gcs', bucket, endpoint: server.endpoint, anonymous: true },
    prefix: `round-${(rounds += 1)}/`,
  });
  return { name, fresh, close: () => server.stop() };
}

/** Bytes that each run of `measureProviders` moves in each direction. */
export const PROVIDER_BYTES = OBJECTS * OBJECT_BYTES;
