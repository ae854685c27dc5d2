/** What a dump saw of its stores, told to whoever watches them: at once, once each, and never in the dump's way. */
import { activityInfo } from '@temporalio/activity';
import type { StoreWatching } from './deps';
import { reportFailure, reportGood, type SeenFailure } from './store-reports';
import type { DumpInput, DumpResult } from './types';

export interface DumpReports {
  behind(fact: SeenFailure): void;
  /** The dump ended well: what came to light at the very end, and that stores on trial took the backup. */
  done(result: Pick<DumpResult, 'committed' | 'behind'>): void;
  /** Resolves when every report was sent or given up, within seconds. */
  sent(): Promise<void>;
}

export function createDumpReports(health: StoreWatching, input: DumpInput): DumpReports {
  const { backupId, dump, trials = [] } = input;
  const told = new Set<string>();
  const sending: Promise<void>[] = [];
  const once = (store: string, send: (id: string) => Promise<void>) => {
    if (told.has(store)) return;
    told.add(store);
    sending.push(send(`dump/${backupId}/${dump}-${activityInfo().attempt}/${store}`));
  };
  const behind = (fact: SeenFailure) => once(fact.store, (id) => reportFailure(health, fact, id));
  return {
    behind,
    done(result) {
      result.behind.forEach(behind);
      for (const store of result.committed.filter((name) => trials.includes(name)))
        once(store, (id) => reportGood(health, store, id));
    },
    async sent() {
      await Promise.all(sending);
    },
  };
}
