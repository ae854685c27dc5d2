/** Fault 6, and the loss of a store in the middle, with each kind of store as the one that lags. */
import { ForwardingStore } from '../../src/storage/decorators/forward';
import type { ObjectStore, PutOptions, PutResult } from '../../src/storage/object-store';
import { checkCopy } from '../../src/repository/check';
import { fillCopy } from '../../src/repository/fill-copy';
import { openBackup } from '../../src/repository/reader';
import type { RepositoryKeys } from '../../src/repository/types';
import { folderStore } from '../support/format-world';
import { BACKUP_ID, makeKeys, noise, readAll, writeBackup, writerOptions } from '../support/repository';
import { ALL_KINDS, startStoreWorld, type StoreWorld } from '../support/store-worlds';
import { tempFolder, type TempFolder } from '../support/temp';
import { startToxiproxy, type ToxicProxy, type Toxiproxy } from '../support/toxiproxy';

const MIB = 1024 * 1024;
const SEGMENTS = 24;
const CONTENT = { 'schema.dump': noise(SEGMENTS * MIB) };
const IN_FLIGHT = 4;
const MAX_LAG = 2;

/** Counts what is under way and what is done, so that the order of events can be judged rather than times. */
class Counted extends ForwardingStore {
  underWay = 0;
  most = 0;
  stored = 0;
  /** Called after each segment that was stored. */
  onStored: () => void = () => undefined;

  override async put(key: string, body: Buffer, options?: PutOptions): Promise<PutResult> {
    this.most = Math.max(this.most, ++this.underWay);
    try {
      const result = await super.put(key, body, options);
      if (options?.sha256 !== undefined) {
        this.stored++;
        this.onStored();
      }
      return result;
    } finally {
      this.underWay--;
    }
  }
}

let temp: TempFolder;
let toxiproxy: Toxiproxy;
let keys: RepositoryKeys;
beforeAll(async () => {
  temp = await tempFolder('slow-store');
  [toxiproxy, keys] = await Promise.all([startToxiproxy(), makeKeys()]);
}, 60_000);
afterAll(async () => {
  await toxiproxy?.stop();
  await temp?.remove();
});
/** `lagGraceMs`: patient, unless the lag is what is tested; the machine may be busy. */
const write = (stores: readonly ObjectStore[], lagGraceMs = 20_000) =>
  writeBackup(
    writerOptions(keys, stores, {
      segmentBytes: MIB,
      inFlight: IN_FLIGHT,
      maxLagSegments: MAX_LAG,
      lagGraceMs,
    }),
    CONTENT,
    64 * 1024,
  );

describe.each(ALL_KINDS)('a store of the kind %s beside two folders', (kind) => {
  let world: StoreWorld;
  let proxy: ToxicProxy | null = null;
  let round = 0;
  let near: Counted[];
  beforeAll(async () => {
    world = await startStoreWorld(kind);
    if (world.port > 0) proxy = await toxiproxy.proxy(`127.0.0.1:${world.port}`);
  }, 60_000);
  afterAll(() => world?.stop());
  beforeEach(() => {
    round++;
    near = [1, 2].map((n) => new Counted(folderStore(`${temp.path}/${kind}-${round}-${n}`, `near${n}`)));
  });

  it('takes the same bytes at once when it keeps up', async () => {
    const far = world.open({ name: 'far', prefix: `round-${round}` });
    const { result } = await write([far, ...near]);
    expect(result.stores.map(({ state }) => state)).toEqual(['committed', 'committed', 'committed']);
    expect((await checkCopy({ store: far, inventory: result.inventory, grade: 'intact' })).grade).toBe('intact');
    await far.close();
  }, 120_000);

  it('is left behind at 1 MB/s instead of being waited for, and filled later without the source', async () => {
    const prefix = `round-${round}`;
    // A folder has no line that could be slow: its own limit makes it so.
    const slowly = proxy ? { port: proxy.port } : { limits: { maxBytesPerSecond: '1MB/s' } };
    const restore = await proxy?.add({ type: 'bandwidth', stream: 'upstream', attributes: { rate: 1_000 } });
    const far = new Counted(world.open({ name: 'far', prefix, ...slowly }));
    let farStored: number | null = null;
    near[0]!.onStored = () => {
      if (near[0]!.stored === SEGMENTS) farStored = far.stored;
    };
    const { result, writer } = await write([far, ...near], 500);
    expect(writer.counters.segments).toBe(SEGMENTS);
    expect(result.stores).toMatchObject([
      { store: 'far', state: 'behind', error: { code: 'REPO_STORE_LAGGED' } },
      { store: 'near1', state: 'committed' },
      { store: 'near2', state: 'committed' },
    ]);
    // The others had everything while the slow one had not half: they did not go at its pace.
    expect(farStored).not.toBeNull();
    expect(farStored!).toBeLessThan(SEGMENTS / 2);
    // Bodies that wait for a slow store are memory: never more than the budget of the writer.
    for (const store of [far, ...near]) expect(store.most).toBeLessThanOrEqual(IN_FLIGHT);
    expect(far.underWay).toBe(0);
    await restore?.();
    await far.close();

    const back = world.open({ name: 'far', prefix });
    const request = { sources: near, target: back, database: 'orders', backupId: BACKUP_ID, keys };
    const filled = await fillCopy(request);
    expect(filled.copiedObjects + filled.alreadyThere).toBe(result.inventory.segments.length);
    expect(filled.copiedObjects).toBeGreaterThan(SEGMENTS / 2);
    const reader = await openBackup({ store: back, database: 'orders', backupId: BACKUP_ID, keys });
    expect((await readAll(reader.readFile('schema.dump'))).equals(CONTENT['schema.dump'])).toBe(true);
    expect((await checkCopy({ store: back, inventory: result.inventory, grade: 'intact' })).grade).toBe('intact');
    await back.close();
  }, 120_000);

  // A disk that goes away has tests of its own.
  if (kind === 'filesystem') return;
  it('is left behind when it vanishes in the middle', async () => {
    const limits = { timeout: '5s', retries: 1 };
    const far = new Counted(world.open({ name: 'far', prefix: `round-${round}`, port: proxy!.port, limits }));
    let gone: Promise<void> | null = null;
    far.onStored = () => {
      if (far.stored === 3) gone = proxy!.enable(false);
    };
    const { result } = await write([far, ...near]);
    expect(gone).not.toBeNull();
    await gone;
    expect(result.stores).toMatchObject([
      { store: 'far', state: 'behind' },
      { store: 'near1', state: 'committed' },
      { store: 'near2', state: 'committed' },
    ]);
    await far.close();
    await proxy!.enable(true);
  }, 120_000);
});
