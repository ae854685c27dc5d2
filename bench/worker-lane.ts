import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as TemporalClient, Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import { createClient } from '../src/client/create-client';
import { loadConfig } from '../src/config/load';
import { resolveSecret } from '../src/config/secrets';
import { ensureTool, startEmbeddedTemporal, startProcess, Supervisor } from '../src/provision';
import { WORKER_BUCKET, type Bench } from './bench';
import type { Lane, Sample } from './measure';

/** A full backup to one S3 store by a real worker on a real Temporal server, as an installation runs it. */
export async function openWorkerLane(bench: Bench): Promise<{ readonly lane: Lane; close(): Promise<void> }> {
  const supervisor = new Supervisor();
  bench.supervisor.add('worker lane', () => supervisor.stopAll());
  const folder = join(bench.options.folder, 'worker');
  mkdirSync(folder, { recursive: true });
  try {
    const { path } = await ensureTool('temporal', { say: bench.say });
    const temporal = await startEmbeddedTemporal({ program: path, folder: join(folder, 'temporal') });
    supervisor.add('Temporal', () => temporal.stop());
    await bench.sql('drop database if exists catalog with (force)');
    await bench.sql('create database catalog');
    const secret = (name: string, value: string) => {
      writeFileSync(join(folder, name), value, { mode: 0o600 });
      return `file:${name}`;
    };
    const keys = bench.keysDir;
    const configFile = join(folder, 'holdfast.yaml');
    const config = {
      version: 1,
      databases: [
        {
          name: 'bench',
          connection: { url: secret('source.url', bench.url()) },
          retention: { enforce: false },
          verification: { grade: 'stored' },
        },
      ],
      stores: [
        {
          ...bench.stores.one,
          bucket: WORKER_BUCKET,
          accessKeyId: 'env:BENCH_ONE_ID',
          secretAccessKey: 'env:BENCH_ONE_SECRET',
        },
      ],
      keys: {
        repository: keys,
        idKey: `file:${keys}/id.key`,
        signingKey: `file:${keys}/signing.key`,
        identities: [`file:${keys}/identity.txt`],
      },
      catalog: { connection: { url: secret('catalog.url', bench.postgres.url('catalog')) } },
      temporal: { address: temporal.address, namespace: temporal.namespace },
      tools: { postgresBin: [bench.binDir] },
      scratch: { dir: bench.scratchDir },
      // At full pace at any hour: what is compared is not slowed either.
      load: { watch: false },
    };
    writeFileSync(configFile, stringify(config));
    const main = join(__dirname, '..', '..', '..', 'dist', 'cli', 'main.js');
    const env = { ...process.env, ...bench.env };
    const worker = await startProcess({
      name: 'worker',
      command: process.execPath,
      args: [main, 'worker', '--config', configFile],
      env,
      logFile: join(folder, 'worker.log'),
    });
    supervisor.add('worker', () => worker.stop());
    const secrets = (reference: string) => resolveSecret(reference, { env });
    const loaded = await loadConfig(configFile);
    const client = await createClient(loaded, { secrets, identity: 'bench' });
    supervisor.add('client', () => client.close());
    while (!Object.values((await client.checkServer()).pollers).every((count) => count > 0)) {
      if (worker.exit()) throw new Error(`the worker ended: ${worker.logTail()}`);
      await sleep(100);
    }
    const connection = await Connection.connect({ address: temporal.address });
    supervisor.add('connection', () => connection.close());
    const temporalClient = new TemporalClient({ connection, namespace: temporal.namespace });
    const run = async (): Promise<Sample> => {
      const { workflowId } = await client.requestBackup({
        database: 'bench',
        type: 'full',
        overlap: 'wait',
        requestedBy: 'bench',
      });
      const { backup, workflowId: ran, runId, reason } = await client.requestResult(workflowId);
      if (!backup) throw new Error(`the backup did not run: ${reason}`);
      return {
        ms: await dumpActivityMs(temporalClient, ran, runId),
        storedBytes: backup.uploadedBytes,
        rssBytes: peakRss(worker.pid),
        facts: { wholeRunMs: backup.durationMs, rows: backup.rows },
      };
    };
    return {
      lane: { name: 'Holdfast, one S3 store, worker on Temporal', run },
      close: async () => void (await supervisor.stopAll()),
    };
  } catch (error) {
    await supervisor.stopAll();
    throw error;
  }
}

/** From the start of the dump's activity to its completion, as the history has them. */
async function dumpActivityMs(client: TemporalClient, workflowId: string, runId: string): Promise<number> {
  const events = (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
  const at = (event: (typeof events)[number] | undefined) =>
    Number(event?.eventTime?.seconds ?? 0) * 1000 + Number(event?.eventTime?.nanos ?? 0) / 1e6;
  for (const scheduled of events) {
    if (scheduled.activityTaskScheduledEventAttributes?.activityType?.name !== 'dump') continue;
    const belongs = (id: unknown) => Number(id) === Number(scheduled.eventId);
    const started = events.find((event) => belongs(event.activityTaskStartedEventAttributes?.scheduledEventId));
    const completed = events.find((event) => belongs(event.activityTaskCompletedEventAttributes?.scheduledEventId));
    if (started && completed) return at(completed) - at(started);
  }
  throw new Error('the history has no completed dump activity');
}

/** High-water mark of a process's memory; 0 where the platform does not tell. */
function peakRss(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
