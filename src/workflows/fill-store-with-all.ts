/**
 * Fills a store with every kept backup that it lacks, newest first, some at once. What is left is asked of the catalogue
 * again and again, so a run that was cut off, or is started twice, goes on where the last one ended.
 */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { StoreFillInput, StoreFillProgress } from '../domain/runs';
import type { StoreFillItem } from '../activities/types';
import { failureFacts } from './failures';
import { replicateId } from './ids';
import { startInTurn } from './in-turn';
import { storeFillQuery } from './messages';
import { records } from './proxies';
import { replicateCopy } from './replicate-copy';
import { attributes } from './search-attributes';

/** Backups asked for at once: the history of a batch stays small. */
const BATCH = 50;
/** Failures that the result and the query name. */
const SHOWN_FAILURES = 100;

/** What is carried over when the history grows long. */
interface Carried {
  readonly filled: number;
  readonly copiedBytes: number;
  readonly failed: StoreFillProgress['failed'];
  readonly skip: readonly string[];
}

export async function fillStoreWithAll(input: StoreFillInput, carried?: Carried): Promise<StoreFillProgress> {
  const { store, databases } = input;
  let filled = carried?.filled ?? 0;
  let copiedBytes = carried?.copiedBytes ?? 0;
  let left = 0;
  const failed = [...(carried?.failed ?? [])];
  const skip = new Set(carried?.skip ?? []);
  const active = new Set<string>();
  const progress = (): StoreFillProgress => ({
    store,
    filled,
    left,
    copiedBytes,
    active: [...active],
    failed: failed.slice(-SHOWN_FAILURES),
    notFilled: skip.size,
  });
  setHandler(storeFillQuery, progress, { description: 'How many backups the store was filled with, and what is left' });

  const fill = async (item: StoreFillItem): Promise<void> => {
    active.add(item.backupId);
    setCurrentDetails(card(progress()));
    try {
      const result = await replicate(input, item);
      copiedBytes += result.copiedBytes;
      if (result.state === 'lost') skip.add(item.backupId);
      else filled += 1;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { type, message } = failureFacts(error);
      failed.push({ backupId: item.backupId, code: type, message });
      skip.add(item.backupId);
    } finally {
      active.delete(item.backupId);
    }
    left = Math.max(0, left - 1);
    setCurrentDetails(card(progress()));
  };

  for (;;) {
    const plan = await records().planStoreFill.executeWithOptions({ summary: `What does ${store} lack?` }, [
      { store, databases, skip: [...skip], limit: BATCH },
    ]);
    left = plan.left;
    if (plan.items.length === 0) break;
    const waiting = [...plan.items];
    const lane = async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await fill(item);
    };
    await Promise.all(Array.from({ length: Math.max(1, input.atOnce) }, lane));
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof fillStoreWithAll>(input, {
        filled,
        copiedBytes,
        failed: failed.slice(-SHOWN_FAILURES),
        skip: [...skip],
      });
    }
  }
  setCurrentDetails(card(progress()));
  return progress();
}

async function replicate({ store, patienceMs, prove }: StoreFillInput, { database, backupId, grade }: StoreFillItem) {
  const workflowId = replicateId(database, backupId, store);
  // A backup's own child may be filling this very copy: then it has its turn first.
  const turn = await startInTurn(workflowId, () =>
    startChild(replicateCopy, {
      workflowId,
      args: [{ database, backupId, store, heal: false, patienceMs, proveGrade: prove ? grade : null, tell: null }],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      typedSearchAttributes: attributes({ database, backupId }),
      staticSummary: `Fill ${store} with ${backupId}`,
    }),
  );
  return turn.child!.result();
}

function card({ store, filled, left, active, failed }: StoreFillProgress): string {
  return [
    `### Fill \`${store}\` with every kept backup`,
    '',
    `**${filled} filled**, ${left} left${failed.length > 0 ? `, ${failed.length} failed` : ''}.`,
    ...active.map((backupId) => `- ▶️ \`${backupId}\``),
    ...failed.slice(-10).map(({ backupId, code, message }) => `- ❌ \`${backupId}\`: \`${code}\` ${message}`),
  ].join('\n');
}
