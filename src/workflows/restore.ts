/** Restores one backup into a new or empty database, checks it, and reports. */
import { isCancellation, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { RestoreInput, RestoreResult } from '../domain/runs';
import { asWorkflowFailure, failureFacts } from './failures';
import { restores } from './proxies';
import { attributes } from './search-attributes';

export async function restore(input: RestoreInput): Promise<RestoreResult> {
  const { backupId, database, requestedBy } = input;
  upsertSearchAttributes(attributes({ database, backupId, phase: 'restoring' }));
  setCurrentDetails(
    `### Restoring \`${backupId}\`\n\nAsked by ${requestedBy}. Steps and counters: the pending activity's heartbeats.`,
  );
  try {
    const result = await restores().restoreBackup.executeWithOptions({ summary: `Restore ${backupId}` }, [input]);
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
