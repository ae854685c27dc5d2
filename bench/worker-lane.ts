import { readFileSync } from 'node:fs';
import type { Bench } from './bench';
import { dumpActivityMs, openInstallation, type Installation } from './installation';
import type { Lane, Sample } from './measure';

/** A full backup to one S3 store by a real worker on a real Temporal server, as an installation runs it. */
export async function openWorkerLane(bench: Bench): Promise<{ readonly lane: Lane; close(): Promise<void> }> {
  const installation = await openInstallation(bench, { name: 'worker', databases: [{ name: 'bench' }] });
  try {
    const worker = await installation.startWorker();
    return {
      lane: {
        name: 'Holdfast, one S3 store, worker on Temporal',
        run: () => backUp(installation, 'bench', worker.pid),
      },
      close: () => installation.close(),
    };
  } catch (error) {
    await installation.close();
    throw error;
  }
}

/** A full backup from request to result; its time is that of the dump activity. */
export async function backUp({ client, temporal }: Installation, database: string, worker: number): Promise<Sample> {
  const { workflowId } = await client.requestBackup({ database, type: 'full', overlap: 'wait', requestedBy: 'bench' });
  const { backup, workflowId: ran, runId, reason } = await client.requestResult(workflowId);
  if (!backup) throw new Error(`the backup did not run: ${reason}`);
  return {
    ms: await dumpActivityMs(temporal, ran, runId),
    storedBytes: backup.uploadedBytes,
    rssBytes: peakRss(worker),
    facts: { wholeRunMs: backup.durationMs, rows: backup.rows },
  };
}

/** High-water mark of a process's memory; 0 where the platform does not tell. */
function peakRss(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
