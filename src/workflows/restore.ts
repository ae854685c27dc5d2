/** Restores one backup into a new or empty database, checks it, and reports. */
import { isCancellation, log, patched, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { RestoreInput, RestoreResult } from '../domain/runs';
import { asWorkflowFailure, failureFacts } from './failures';
import { Place } from './place';
import { restores } from './proxies';
import { attributes } from './search-attributes';

export async function restore(input: RestoreInput): Promise<RestoreResult> {
  const { backupId, database, requestedBy } = input;
  const show = (waiting: string | null) =>
    setCurrentDetails(
      `### Restoring \`${backupId}\`\n\nAsked by ${requestedBy}. ` +
        (waiting === null ? "Steps and counters: the pending activity's heartbeats." : `It ${waiting}.`),
    );
  const place = new Place({ kind: 'restore', database, show, unheard: (text) => log.warn(text, { backupId }) });
  const work = () => restores().restoreBackup.executeWithOptions({ summary: `Restore ${backupId}` }, [input]);
  const inTurn = patched('heavy-work');
  upsertSearchAttributes(attributes({ database, backupId, phase: 'restoring' }));
  show(null);
  try {
    const result = inTurn ? await place.during(work) : await work();
    upsertSearchAttributes(attributes({ phase: 'done' }));
    setCurrentDetails(
      [
        `### Restored \`${backupId}\` into \`${result.databaseName}\``,
        '',
        `${result.rows} rows in ${result.tables} tables from \`${result.store}\`, ${result.durationMs} ms.`,
        ...result.notices.map((notice) => `> ${notice}`),
      ].join('\n'),
    );
    return result;
  } catch (error) {
    upsertSearchAttributes(attributes({ phase: 'failed' }));
    const { type, message } = failureFacts(error);
    setCurrentDetails(`### Failed: \`${type}\`\n\n${message}`);
    throw isCancellation(error) ? error : asWorkflowFailure(error);
  }
}
