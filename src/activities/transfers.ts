/** What a piece of work asked of the stores, kept in the catalogue: what usage and cost are reckoned from. */
import { activityInfo, log } from '@temporalio/activity';
import type { TransferKind } from '../catalog/usage-types';
import { tallied, type RequestTally } from '../storage/tally';
import type { ActivityDeps } from './deps';

export interface TransferScope {
  readonly kind: TransferKind;
  readonly database: string;
  readonly backupId: string;
  /** Whether what is written at a store is new there and stays. */
  readonly staysAt: (store: string) => boolean;
}

/** Counts what `work` does, and records it, also when it fails. That it cannot be recorded fails nothing. */
export function recorded<Result>(
  deps: Pick<ActivityDeps, 'catalog'>,
  scope: TransferScope,
  work: (tally: RequestTally) => Promise<Result>,
): Promise<Result> {
  return tallied(async (tally) => {
    try {
      return await work(tally);
    } finally {
      await recordTally(deps, scope, tally, attemptRef(scope.kind));
    }
  });
}

/** Each attempt did work of its own. */
export function attemptRef(kind: TransferKind): string {
  const { workflowExecution, activityId, attempt } = activityInfo();
  return `${kind}/${workflowExecution?.runId ?? ''}/${activityId}/${attempt}`;
}

export async function recordTally(
  deps: Pick<ActivityDeps, 'catalog'>,
  { kind, database, backupId, staysAt }: TransferScope,
  tally: RequestTally,
  ref: string,
): Promise<void> {
  try {
    const catalog = await deps.catalog();
    const at = new Date();
    for (const { store, writes, reads, objects, sentBytes, receivedBytes } of tally.all()) {
      const stays = staysAt(store) ? { bytes: sentBytes, objects } : { bytes: 0, objects: 0 };
      await catalog.recordTransfer({
        ...{ ref, store, database, backupId, kind, at },
        ...{ ...stays, writes, reads, receivedBytes },
      });
    }
  } catch (error) {
    log.warn('what was transferred could not be recorded; the next measurement mends the figures', {
      kind,
      database,
      backupId,
      error: String(error),
    });
  }
}
