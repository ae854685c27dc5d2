/** Deletes tombstoned backups whose grace has passed, manifest first, then objects that nothing names. Holds the lock meanwhile. */
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { SweepInput, SweepResult } from '../activities/types';
import { deletions } from './proxies';
import { attributes } from './search-attributes';

export async function sweep(input: SweepInput): Promise<SweepResult> {
  upsertSearchAttributes(attributes({ database: input.database, phase: 'retention' }));
  const result = await deletions().deleteExpired.executeWithOptions(
    { summary: `Check again, delete and sweep ${input.database}` },
    [input],
  );
  setCurrentDetails(
    [
      `**Deleted ${result.deleted.length} backups** and ${result.objects} objects that nothing names any more.`,
      ...result.spared.map(({ backupId, reason }) => `- spared \`${backupId}\`: ${reason}`),
    ].join('\n'),
  );
  return result;
}
