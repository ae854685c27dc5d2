/**
 * One Holdfast operation in a process of its own, so that its memory is its own too: engine, repository and stores as
 * a worker puts them together, without Temporal. The request comes as JSON on standard input; the answer goes to
 * standard output as JSON. The time is that of the operation, without the start of the process.
 */
import { createHash, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { parseConnectionUrl } from '../src/config/connection-url';
import { resolveSecret } from '../src/config/secrets';
import { storeSchema } from '../src/config/schema';
import { makeBackupId, type BackupType } from '../src/domain/names';
import { createLogicalEngine } from '../src/engines/logical';
import { restoreInto } from '../src/engines/logical/restore-into';
import { createGovernor } from '../src/load/create-governor';
import { fillCopy } from '../src/repository/fill-copy';
import { ensureRepository } from '../src/repository/ensure';
import { loadKeysFromDir } from '../src/repository/keys';
import { openBackup, readInventory } from '../src/repository/reader';
import { forEachLimited } from '../src/repository/reuse-index';
import { createBackupWriter } from '../src/repository/writer';
import { createStore } from '../src/storage/create-store';
import { proveCopy } from '../src/verify/prove-copy';
import type { ChildAnswer, ChildRequest } from './holdfast';

const DATABASE = 'bench';

async function main(request: ChildRequest): Promise<ChildAnswer> {
  const signal = new AbortController().signal;
  const keys = await loadKeysFromDir(request.keysDir);
  const stores = request.stores.map((store) =>
    createStore(storeSchema.parse(store), (reference) => resolveSecret(reference)),
  );
  const { binDirs } = request;
  const answer = (startedAt: number, rest: Omit<ChildAnswer, 'ms' | 'rssBytes'>): ChildAnswer => ({
    ms: performance.now() - startedAt,
    rssBytes: process.resourceUsage().maxRSS * 1024,
    ...rest,
  });
  try {
    switch (request.op) {
      case 'backup': {
        for (const store of stores) await ensureRepository(store, keys);
        const type: BackupType = request.base ? 'incremental' : 'full';
        const startedAt = performance.now();
        const backupId = makeBackupId(new Date(), type, Math.random().toString(16).slice(2).padEnd(8, '0').slice(0, 8));
        const base = request.base
          ? {
              inventory: await readInventory(stores[0]!, DATABASE, request.base, keys, signal),
              stores: stores.map(({ name }) => name),
            }
          : null;
        const governor = createGovernor();
        const writer = await createBackupWriter({
          keys,
          database: DATABASE,
          backupId,
          type,
          startedAt: new Date().toISOString(),
          segmentBytes: request.segmentBytes,
          zstdLevel: 1,
          stores,
          inFlight: request.inFlight,
          maxLagSegments: request.inFlight - 1,
          gate: governor,
          base,
          journal: null,
          signal,
        });
        const summary = await createLogicalEngine().dump({
          source: parseConnectionUrl(request.source, 'bench'),
          options: {
            readers: 2,
            rangeBytes: request.segmentBytes * 16,
            includeTables: [],
            excludeTables: [],
            includeSchemas: [],
            excludeSchemas: [],
            lockTimeoutMs: 30_000,
            pauseBudgetMs: 600_000,
            binDirs,
          },
          sink: writer,
          governor,
          signal,
          onProgress: () => undefined,
        });
        const { inventory, stores: outcomes } = await writer.commit(summary);
        const behind = outcomes.filter(({ state }) => state !== 'committed');
        if (behind.length > 0) throw new Error(`a store fell behind: ${JSON.stringify(behind)}`);
        const { uploadedBytes, reusedBytes, plainBytes } = writer.counters;
        return answer(startedAt, {
          backupId,
          facts: {
            uploadedBytes,
            reusedBytes,
            plainBytes,
            rows: summary.rows,
            segments: inventory.segments.length,
            sealedBytes: inventory.sealedBytes,
          },
        });
      }
      case 'restore': {
        const startedAt = performance.now();
        const reader = await openBackup({ store: stores[0]!, database: DATABASE, backupId: request.backupId, keys });
        const { restore } = await restoreInto({
          engine: createLogicalEngine(),
          source: reader,
          summary: reader.manifest.body.summary,
          backupId: request.backupId,
          target: parseConnectionUrl(request.target, 'restored'),
          options: {
            jobs: 2,
            schemas: [],
            tables: [],
            owners: 'keep',
            acls: 'keep',
            globals: 'none',
            binDirs,
            scratchDir: request.scratchDir,
          },
          replace: false,
          signal,
          onProgress: () => undefined,
        });
        return answer(startedAt, { backupId: request.backupId, facts: { rows: restore.rows } });
      }
      case 'prove': {
        const startedAt = performance.now();
        const reader = await openBackup({ store: stores[0]!, database: DATABASE, backupId: request.backupId, keys });
        const proof = await proveCopy({
          reader,
          keys,
          grade: 'exact',
          scratch: { baseDir: request.scratchDir, binDirs, minFreeBytes: 0, osUser: null, jobs: 2 },
          assertions: [],
          signal,
          onProgress: () => undefined,
        });
        if (proof.grade !== 'exact') throw new Error(`not proved: ${JSON.stringify(proof.failure)}`);
        return answer(startedAt, {
          backupId: request.backupId,
          facts: { restoreMs: proof.restoreMs ?? 0, rows: proof.compared.rows },
        });
      }
      case 'fill': {
        const [source, target] = stores;
        await ensureRepository(target!, keys);
        const startedAt = performance.now();
        const { copiedObjects, copiedBytes } = await fillCopy({
          sources: [source!],
          target: target!,
          database: DATABASE,
          backupId: request.backupId,
          keys,
          heal: request.heal,
          signal,
        });
        return answer(startedAt, { backupId: request.backupId, facts: { copiedObjects, copiedBytes } });
      }
      case 'rates': {
        const { objects, objectBytes } = request;
        const bodies = Array.from({ length: 8 }, () => randomBytes(objectBytes));
        const hashes = bodies.map((body) => createHash('sha256').update(body).digest('hex'));
        const key = (index: number) => `rates/${String(index).padStart(4, '0')}`;
        const all = Array.from({ length: objects }, (_, index) => index);
        const startedAt = performance.now();
        await forEachLimited(all, 4, (index) =>
          stores[0]!.put(key(index), bodies[index % 8]!, { sha256: hashes[index % 8]!, signal }).then(() => undefined),
        );
        const uploadedAt = performance.now();
        await forEachLimited(all, 4, async (index) => {
          const read = await stores[0]!.get(key(index), { signal });
          if (read.length !== objectBytes) throw new Error(`${key(index)} came back with another size`);
        });
        const facts = { uploadMs: uploadedAt - startedAt, readMs: performance.now() - uploadedAt };
        return answer(startedAt, { backupId: '', facts });
      }
    }
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

text(process.stdin)
  .then((request) => main(JSON.parse(request) as ChildRequest))
  .then(
    (answer) => {
      console.log(JSON.stringify(answer));
      process.exit(0);
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
