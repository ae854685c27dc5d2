import { fillCopy } from '../../../src/repository/fill-copy';
import { manifestKey } from '../../../src/repository/layout';
import type { Inventory, RepositoryKeys } from '../../../src/repository/types';
import { createMemoryStore, type MemoryStore } from '../../support/memory-store';
import { BACKUP_ID, makeKeys, noise, writeBackup, writerOptions } from '../../support/repository';

const MANIFEST = manifestKey('orders', BACKUP_ID);

let keys: RepositoryKeys;
let [source, target]: MemoryStore[] = [];
let inventory: Inventory;
beforeAll(async () => {
  keys = await makeKeys();
});
beforeEach(async () => {
  source = createMemoryStore('source');
  target = createMemoryStore('target');
  inventory = (await writeBackup(writerOptions(keys, [source]), { 'schema.dump': noise(6000) })).result.inventory;
});
const fill = (changes: Partial<Parameters<typeof fillCopy>[0]> = {}) =>
  fillCopy({ sources: [source!], target: target!, database: 'orders', backupId: BACKUP_ID, keys, ...changes });
const segmentsAt = (store: MemoryStore) => [...store.objects.keys()].filter((key) => key.includes('/segments/'));
const sweepAway = () => segmentsAt(target!).forEach((key) => target!.objects.delete(key));
/** Calls `work` at the first put of the target's manifest. */
function atManifest(work: () => void): void {
  let pending = true;
  target!.before = async (operation, key) => {
    if (operation !== 'put' || key !== MANIFEST || !pending) return;
    pending = false;
    work();
  };
}

describe('filling a copy', () => {
  it('ends whole when what it copied or found vanishes before the manifest is placed', async () => {
    atManifest(sweepAway);
    expect(await fill()).toMatchObject({ copiedObjects: 6, alreadyThere: 0, wroteManifest: true, withdrawn: false });
    expect(segmentsAt(target!)).toHaveLength(inventory.segments.length);
  });

  it('places no manifest at a store that keeps losing what it is given', async () => {
    target!.before = async (operation) => void (operation === 'head' && sweepAway());
    await expect(fill()).rejects.toMatchObject({ code: 'REPO_COPY_INCOMPLETE', retryable: true });
    expect(target!.objects.has(MANIFEST)).toBe(false);
  });

  it('takes its manifest away when the backup was deleted meanwhile', async () => {
    expect(await fill({ isDeleted: async () => true })).toMatchObject({ wroteManifest: false, withdrawn: true });
    expect(target!.objects.has(MANIFEST)).toBe(false);
    atManifest(() => source!.objects.delete(MANIFEST));
    expect(await fill()).toMatchObject({ withdrawn: true });
    expect(target!.objects.has(MANIFEST)).toBe(false);
  });

  it('leaves its manifest when a source cannot say whether it still has it', async () => {
    atManifest(() => {
      source!.before = async (operation) => {
        if (operation === 'head') throw new Error('connection refused');
      };
    });
    expect(await fill()).toMatchObject({ wroteManifest: true, withdrawn: false });
    expect(target!.objects.has(MANIFEST)).toBe(true);
  });

  it('never takes away a manifest that was there before', async () => {
    await fill();
    expect(await fill({ isDeleted: async () => true })).toMatchObject({ wroteManifest: false, withdrawn: false });
    expect(target!.objects.has(MANIFEST)).toBe(true);
  });

  it('goes by its own manifest where no source has one, and takes what lacks from what they hold', async () => {
    await fill();
    const [lost, kept] = segmentsAt(target!) as [string, string];
    target!.objects.delete(lost);
    for (const key of [MANIFEST, kept]) source!.objects.delete(key);
    expect(await fill()).toMatchObject({ copiedObjects: 1, wroteManifest: false, withdrawn: false });
    expect(segmentsAt(target!)).toContain(lost);
    target!.objects.delete(kept);
    await expect(fill()).rejects.toMatchObject({ code: 'REPO_NO_GOOD_COPY' });
  });
});
