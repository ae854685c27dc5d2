import { setTimeout as sleep } from 'node:timers/promises';
import type { HoldfastClient } from '../../client/types';
import type { BackupProgress } from '../../domain/progress';
import { formatCount, formatDuration } from '../output/format';
import type { ProgressView } from '../output/progress';
import type { Palette } from '../output/ui';
import { backupFrame } from '../watch-backup';

const POLL_MS = 250;

export interface FollowOptions {
  readonly client: HoldfastClient;
  readonly view: ProgressView;
  readonly colors: Palette;
  readonly signal: AbortSignal;
}

/** Shows a backup run until `result` settles; `onProgress` may steer it between two looks. */
export function followBackup<T>(
  { client, view, colors, signal }: FollowOptions,
  database: string,
  result: Promise<T>,
  onProgress?: (progress: BackupProgress) => Promise<void>,
): Promise<T> {
  return pollUntil(result, signal, async () => {
    const progress = await client.progress(database).catch(() => null);
    if (!progress) return;
    view.show(backupFrame(progress, colors));
    await onProgress?.(progress);
  });
}

/** Shows the step of a restore until `result` settles. */
export function followRestore<T>(
  { client, view, colors, signal }: FollowOptions,
  workflowId: string,
  result: Promise<T>,
): Promise<T> {
  const startedAt = Date.now();
  return pollUntil(result, signal, async () => {
    const step = await client.activityProgress(workflowId).catch(() => null);
    const words = step ? `${step.step}${step.current ? ` ${step.current}` : ''} ${formatCount(step.done)}/${formatCount(step.total)}` : 'starting'; // prettier-ignore
    const line = `restore · ${words} · ${formatDuration(Date.now() - startedAt)}`;
    view.show({ block: [colors.cyan(line)], line, key: `restore/${step?.step ?? ''}`, data: step });
  });
}

async function pollUntil<T>(result: Promise<T>, signal: AbortSignal, look: () => Promise<void>): Promise<T> {
  let settled = false;
  const done = result.finally(() => (settled = true));
  // Awaited below; this keeps a failure between two looks from counting as unhandled.
  done.catch(() => undefined);
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  aborted.catch(() => undefined);
  while (!settled) {
    signal.throwIfAborted();
    await Promise.race([look(), aborted]);
    await Promise.race([done, sleep(POLL_MS), aborted]);
  }
  return done;
}
