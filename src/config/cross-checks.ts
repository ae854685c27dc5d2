import { didYouMean } from './did-you-mean';
import { type ConfigPath, type Finding } from './fault';
import { storeNameFaults } from './store-names';
import { healthChecks } from './health-checks';

/**
 * What one field demands of another. Reads the file as parsed, faulty parts included, so that these faults are listed
 * together with the faults of single fields; skips what it cannot read.
 */
export function crossChecks(root: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  const fault = (path: ConfigPath, message: string, hint: string | null = null) =>
    void findings.push({ path, at: 'value', message, hint });

  const stores = list(root, 'stores');
  const databases = list(root, 'databases');
  const storeNames = names(stores);
  uniqueNames(stores, ['stores'], fault);
  uniqueNames(databases, ['databases'], fault);

  const primaries = stores.flatMap((store, index) => (field(store, 'role') === 'primary' ? [index] : []));
  for (const index of primaries.slice(1)) fault(['stores', index, 'role'], 'more than one store has the role primary');

  const tokens = list(field(root, 'access'), 'tokens');
  uniqueNames(tokens, ['access', 'tokens'], fault);
  uniqueHashes(tokens, fault);

  findings.push(...storeNameFaults(stores));
  stores.forEach((store, index) => {
    const id = field(store, 'accessKeyId') !== undefined;
    const secret = field(store, 'secretAccessKey') !== undefined;
    if (id !== secret) {
      fault(
        ['stores', index, id ? 'accessKeyId' : 'secretAccessKey'],
        'accessKeyId and secretAccessKey are stated together or not at all',
      );
    }
  });

  stores.forEach((store, index) => {
    if (field(store, 'adapter') !== 'supabase' || field(store, 'key') !== undefined) return;
    if (field(store, 'credentials') === undefined)
      fault(['stores', index], 'key is missing', 'State `key`, or `credentials` with keys of their own');
  });
  for (const [index, store] of stores.entries()) {
    const credentials = field(store, 'credentials');
    if (typeof credentials === 'object' && credentials !== null && Object.keys(credentials).length === 0)
      fault(['stores', index, 'credentials'], 'no credential is stated', 'State write, read or delete');
  }

  stores.forEach((store, index) => {
    if (field(store, 'adapter') !== 'gcs' || field(store, 'anonymous') !== true) return;
    if (field(store, 'credentials') !== undefined)
      fault(['stores', index, 'anonymous'], 'credentials and anonymous: true exclude each other');
    if (field(store, 'endpoint') === undefined)
      fault(
        ['stores', index, 'anonymous'],
        'Google itself takes no anonymous writes',
        'State `endpoint`, or remove it',
      );
  });
  healthChecks(field(root, 'health'), fault);

  stores.forEach((store, index) => {
    const quota = field(store, 'quota');
    const [warnAt, stopAt] = [field(quota, 'warnAt') ?? 0.8, field(quota, 'stopAt') ?? 0.95];
    if (typeof warnAt === 'number' && typeof stopAt === 'number' && warnAt >= stopAt)
      fault(['stores', index, 'quota', 'warnAt'], `warnAt (${warnAt}) is not below stopAt (${stopAt})`);
  });

  databases.forEach((database, d) => {
    list(database, 'stores').forEach((store, s) => {
      if (typeof store !== 'string' || storeNames.includes(store)) return;
      const meant = didYouMean(store, storeNames);
      fault(['databases', d, 'stores', s], `no store is named ${store}`, meant ? `Did you mean ${meant}?` : null);
    });
    const schedules = list(database, 'schedules');
    uniqueNames(schedules, ['databases', d, 'schedules'], fault);
    const verification = field(database, 'verification');
    for (const chore of ['rotation', 'intact']) {
      const times = field(verification, chore);
      if (times === undefined) continue;
      scheduleTimes(times, ['databases', d, 'verification', chore], fault);
      const taken = schedules.findIndex((schedule) => field(schedule, 'name') === chore);
      if (taken >= 0)
        fault(['databases', d, 'schedules', taken, 'name'], `verification.${chore} has a schedule of that name`);
    }
    schedules.forEach((schedule, s) => {
      scheduleTimes(schedule, ['databases', d, 'schedules', s], fault);
    });
  });
  return findings;
}

function scheduleTimes(
  schedule: unknown,
  path: ConfigPath,
  fault: (path: ConfigPath, message: string, hint?: string) => void,
): void {
  const every = field(schedule, 'every');
  if (field(schedule, 'dayOfWeek') !== undefined && every !== 'weekly')
    fault([...path, 'dayOfWeek'], 'counts for every: weekly only');
  if (field(schedule, 'dayOfMonth') !== undefined && every !== 'monthly')
    fault([...path, 'dayOfMonth'], 'counts for every: monthly only');
  if (field(schedule, 'at') !== undefined && every === undefined)
    fault([...path, 'at'], 'counts together with every only', 'State `every`, or put the time into `cron`');
}

function uniqueNames(
  items: readonly unknown[],
  path: ConfigPath,
  fault: (path: ConfigPath, message: string) => void,
): void {
  const seen = new Set<unknown>();
  items.forEach((item, index) => {
    const name = field(item, 'name');
    if (typeof name !== 'string') return;
    if (seen.has(name)) fault([...path, index, 'name'], `the name ${name} is used twice`);
    seen.add(name);
  });
}

/** One token under two names would act under the name of somebody else. */
function uniqueHashes(tokens: readonly unknown[], fault: (path: ConfigPath, message: string) => void): void {
  const seen = new Set<string>();
  tokens.forEach((token, index) => {
    const hash = field(token, 'hash');
    if (typeof hash !== 'string') return;
    if (seen.has(hash)) fault(['access', 'tokens', index, 'hash'], 'this token has another name already');
    seen.add(hash);
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function list(value: unknown, key: string): readonly unknown[] {
  const items = field(value, key);
  return Array.isArray(items) ? items : [];
}

function names(items: readonly unknown[]): string[] {
  return items.map((item) => field(item, 'name')).filter((name) => typeof name === 'string');
}
