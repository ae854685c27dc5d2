/** Tells that a dump goes on without its primary store, or with it again; beside the run, which never waits for it. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { DumpResult } from '../activities/types';
import { failoverDuring, type Failover, type Lead } from '../domain/failover';
import { records } from './proxies';

export interface FailoverTeller {
  tell(failover: Failover): void;
  /** The primary may have been lost while the dump went on. */
  afterDump(lead: Lead | undefined, result: DumpResult): void;
  /** Resolves when all that was told is on record, or cannot be put there now: then the next run tells it. */
  told(): Promise<void>;
}

/** The run has the lock on the database's backups: it is not held for somebody who cannot be told. */
const LONGEST_MS = 60_000;

export function createFailoverTeller(database: string): FailoverTeller {
  let last: Promise<void> = Promise.resolve();
  let untold = 0;
  const tell = ({ store, from, to, reason }: Failover) => {
    const at = new Date(Date.now()).toISOString();
    const event = { store, at, kind: 'failover' as const, from, to, reason, code: null, database };
    const record = () =>
      records().announceStoreEvent.executeWithOptions({ summary: `failover: ${from} → ${to}` }, [event]);
    // One after the other, since the last one on record is where the next run goes on from.
    untold += 1;
    last = last
      .then(() => CancellationScope.nonCancellable(record))
      .catch(() => undefined)
      .finally(() => void (untold -= 1));
  };
  return {
    tell,
    afterDump(lead, result) {
      const failover = lead === undefined ? null : failoverDuring(lead, result);
      if (failover !== null) tell(failover);
    },
    async told() {
      if (untold > 0) await condition(() => untold === 0, LONGEST_MS, { summary: 'Wait until the failover is told' });
    },
  };
}
