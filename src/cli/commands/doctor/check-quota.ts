/** How full each store is, by the catalogue: before a backup is kept away from it. */
import type { UsageReport } from '../../../domain/usage-report';
import type { CliContext } from '../../context';
import { formatBytes, plural } from '../../output/format';
import { usageReports } from '../../../workers/usage-reports';
import { fail, ok, warn, type Finding } from './finding';

export async function checkQuota(context: CliContext): Promise<readonly Finding[]> {
  const config = await context.config();
  const catalog = await context.catalog();
  const reports = await usageReports(catalog, config, config.stores, { now: context.ui.now() });
  return reports.map(quotaFinding);
}

/** Pure. */
export function quotaFinding({ store, bytes, objects, quota, maxBytes, daysLeft }: UsageReport): Finding {
  const area = `store ${store}`;
  const holds = `holds ${formatBytes(bytes)} in ${plural(objects, 'object')}`;
  const limit = maxBytes === null ? 'no limit is known' : `of ${formatBytes(maxBytes)}`;
  const when = daysLeft === null ? '' : `, full in about ${plural(Math.floor(daysLeft), 'day')}`;
  if (quota.state === 'ok') return ok(area, `${holds}, ${limit}${when}`);
  const detail = `${holds}: ${quota.reasons.join('; ')}${when}`;
  const hint =
    'raise quota of this store or make room, keep fewer backups, or add another store; `holdfast store usage`';
  if (quota.state === 'warn') return warn(area, detail, hint);
  return fail(area, `full: backups leave it out. It ${detail}`, hint);
}
