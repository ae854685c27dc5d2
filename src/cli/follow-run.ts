import type { HoldfastClient } from '../client/types';
import type { BackupProgress } from '../domain/progress';
import { cliError } from '../errors/cli';
import type { CliContext } from './context';
import { formatDuration, formatShare } from './output/format';
import { reportError } from './output/errors';
import { bar, createProgress, type Frame, type ProgressView } from './output/progress';
import { backupFrame, pauseUnlessAborted, POLL_MS, type SubStep } from './watch-backup';
import { replicateId, verifyId } from '../workflows/ids';

/** Polls a request's run until the request ends. Ctrl-C detaches: the backup goes on. */
export async function followRequest<T>(context: CliContext, database: string, result: Promise<T>): Promise<T> {
  const client = await context.client();
  const view = createProgress(context.ui);
  let settled = false;
  const done = result.finally(() => {
    settled = true;
  });
  // The race below reports it; this keeps a failure between two polls from being called unhandled.
  done.catch(() => {});
  try {
    for (;;) {
      const ended = await Promise.race([
        done.then(() => true),
        pauseUnlessAborted(POLL_MS, context.signal).then(() => false),
      ]);
      if (ended || settled) return await done;
      if (context.signal.aborted) throw detached(database);
      const progress = await client.progress(database).catch((error: unknown) => reportError(error));
      if (progress === null) view.show(waitingFrame(database, 'waiting for its turn, or for a worker'));
      else if ('causes' in progress) view.show(waitingFrame(database, `no news: ${progress.message}`));
      else view.show(backupFrame(progress, context.ui.errColors, await subStep(client, progress)));
    }
  } finally {
    view.stop();
  }
}

/** Watches the run that is under way until it ends; null when none runs. Returns the last that was seen of it. */
export async function followCurrent(context: CliContext, database: string): Promise<BackupProgress | null> {
  const client = await context.client();
  const view: ProgressView = createProgress(context.ui);
  let last: BackupProgress | null = null;
  try {
    for (;;) {
      // The first look may fail; later a server that is away for a while is waited for.
      const progress = await client.progress(database).catch((error: unknown) => {
        if (last === null) throw error;
        return reportError(error);
      });
      if (progress !== null && 'causes' in progress) {
        view.show(waitingFrame(database, `no news: ${progress.message}`));
        if (await pauseUnlessAborted(POLL_MS, context.signal)) throw detached(database);
        continue;
      }
      if (progress === null || (last !== null && progress.backupId !== last.backupId)) return last;
      last = progress;
      view.show(backupFrame(progress, context.ui.errColors, await subStep(client, progress)));
      if (progress.phase === 'done' || progress.phase === 'failed') return last;
      if (await pauseUnlessAborted(POLL_MS, context.signal)) throw detached(database);
    }
  } finally {
    view.stop();
  }
}

/** The step of the proof or replication that a run waits for; null when there is none, or it is not known. */
async function subStep(client: HoldfastClient, progress: BackupProgress): Promise<SubStep | null> {
  const { database, backupId, phase, copies } = progress;
  if (phase !== 'verifying' && phase !== 'replicating') return null;
  const idOf = phase === 'verifying' ? verifyId : replicateId;
  for (const { store, state } of copies) {
    if (state === 'proved' || (phase === 'replicating' && state === 'complete')) continue;
    const step = await client.activityProgress(idOf(database, backupId, store)).catch(() => null);
    if (step !== null) return { store, ...step };
  }
  return null;
}

/** Shows the step of a restore or proof until it ends. Ctrl-C detaches: the work goes on. */
export async function followActivity<T>(
  context: CliContext,
  label: string,
  workflowId: string,
  result: Promise<T>,
): Promise<T> {
  const client = await context.client();
  const view = createProgress(context.ui);
  const startedAt = Date.now();
  const done = result.then((value) => ({ value }));
  done.catch(() => {});
  try {
    for (;;) {
      const ended = await Promise.race([done, pauseUnlessAborted(POLL_MS, context.signal).then(() => null)]);
      if (ended !== null) return ended.value;
      if (context.signal.aborted) {
        throw cliError('CLI_INTERRUPTED', `stopped watching; ${label} goes on`, {
          context: { run: workflowId },
          hint: 'the run is in the Temporal Web UI; to stop it, cancel it there',
        });
      }
      const step = await client.activityProgress(workflowId).catch(() => null);
      view.show(stepFrame(context, label, step, Date.now() - startedAt));
    }
  } finally {
    view.stop();
  }
}

function stepFrame(
  context: CliContext,
  label: string,
  step: {
    readonly step: string;
    readonly done: number;
    readonly total: number;
    readonly current: string | null;
  } | null,
  elapsedMs: number,
) {
  const { errColors } = context.ui;
  const share = step !== null && step.total > 0 ? step.done / step.total : null;
  const name = step?.step ?? 'waiting for a worker';
  const current = step?.current ? ` ${step.current}` : '';
  const elapsed = formatDuration(elapsedMs);
  return {
    block: [
      `${errColors.bold(label)} ${errColors.dim(elapsed)}`,
      `${bar(share, 28)} ${share === null ? '' : `${formatShare(share)} `}${errColors.cyan(name)}${current}`,
    ],
    line: [label, `${name}${current}`, ...(share === null ? [] : [formatShare(share)]), elapsed].join(' · '),
    key: `${label}/${name}`,
    data: { ...(step ?? { step: null }), elapsedMs },
  };
}

function waitingFrame(database: string, why: string): Frame {
  const line = `${database}: ${why}`;
  return { block: [line], line, key: why, data: { database, waiting: why } };
}

function detached(database: string) {
  return cliError('CLI_INTERRUPTED', `stopped watching; the backup of ${database} goes on`, {
    hint: `watch it again with \`holdfast backup show ${database} --follow\`; stop it with \`holdfast backup cancel ${database}\``,
  });
}
