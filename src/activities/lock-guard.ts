/** Beside a dump: sees who waits behind its locks, and gives its snapshot up for them, or says so, as the rule states. */
import { activityInfo, getClient, log } from '@temporalio/activity';
import { lockVerdict, type LockVerdict } from '../domain/load/lock-verdict';
import { SIGNAL, type LockAlert } from '../domain/messages';
import { postgresError } from '../errors/postgres';
import { watchLocks } from '../load/lock-watch';
import type { ActivityDeps } from './deps';
import type { DumpInput } from './types';

const PATIENCE_MS = 3_000;
/** Who sets an event of the catalogue. */
const LOCK_WATCH = 'lock watch';

export interface LockGuard {
  /** Aborted with PG_SNAPSHOT_YIELDED when the dump is to give way. */
  readonly signal: AbortSignal;
  /** Resolves when the watch has let go of its connection and what it had to tell was told, within seconds. */
  stop(): Promise<void>;
}

/**
 * The only place that decides about waiters: it sits where the locks are, so it works without a load watch and without Temporal.
 * It looks from before the first lock is taken until `stop`. A look that fails changes nothing: the next one comes.
 */
export function guardLocks(
  deps: Pick<ActivityDeps, 'lockRule' | 'connection' | 'catalog'>,
  { database, backupId, dump }: Pick<DumpInput, 'database' | 'backupId' | 'dump'>,
  signal: AbortSignal,
): LockGuard {
  const rule = deps.lockRule(database);
  const yielding = new AbortController();
  if (rule.action === 'hold') return { signal: yielding.signal, stop: () => Promise.resolve() };
  const { workflowExecution, attempt } = activityInfo();
  const client = getClient();
  const stopper = new AbortController();
  const telling: Promise<unknown>[] = [];
  let seenAt: number | null = null;
  let told = false;
  let blind = false;

  const tell = (at: number, { action, text }: LockVerdict) => {
    told = true;
    log.warn(`locks of the dump: ${text}`, { database, backupId, action });
    const alert: LockAlert = { dump, attempt, at: new Date(at).toISOString(), text };
    const { workflowId, runId } = workflowExecution!;
    const untold = (what: string) => (error: unknown) => log.warn(what, { database, error: String(error) });
    telling.push(
      client
        .withDeadline(Date.now() + PATIENCE_MS, () =>
          client.workflow.getHandle(workflowId, runId).signal(SIGNAL.lockWaiters, alert),
        )
        .catch(untold('the run could not be told who waits behind its locks')),
      deps
        .catalog()
        .then((catalog) =>
          catalog.addLoadEvent({
            database,
            at: new Date(at),
            kind: 'alert',
            word: 'lockWaiters',
            backupId,
            setBy: LOCK_WATCH,
            reasons: [action === 'yield' ? `${text}: the snapshot is given up` : text],
          }),
        )
        .catch(untold('who waits behind the locks could not be recorded')),
    );
  };

  const watching = watchLocks(
    { target: () => deps.connection({ database }) },
    AbortSignal.any([signal, stopper.signal, yielding.signal]),
    {
      report({ at, behindUs }) {
        blind = false;
        if (behindUs.length === 0) {
          seenAt = null;
          told = false;
          return;
        }
        seenAt ??= at;
        const verdict = lockVerdict(behindUs, rule, at - seenAt);
        if (verdict === null || told) return;
        tell(at, verdict);
        if (verdict.action !== 'yield') return;
        const context = { database, backends: verdict.backends.join(',') };
        yielding.abort(postgresError('PG_SNAPSHOT_YIELDED', verdict.text, { context }));
      },
      failed(message) {
        if (!blind) log.warn('nobody sees who waits behind the locks of the dump', { database, problem: message });
        blind = true;
      },
    },
  ).catch((error: unknown) => log.warn('the lock watch ended', { database, error: String(error) }));

  return {
    signal: yielding.signal,
    async stop() {
      stopper.abort();
      await watching;
      const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref());
      await Promise.race([Promise.all(telling), patience]);
    },
  };
}
