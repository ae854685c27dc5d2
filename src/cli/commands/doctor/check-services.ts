import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HoldfastConfig } from '../../../config/schema';
import { checkPolicy } from '../../check-policy';
import { checkSecrets } from '../../check-secrets';
import type { CliContext } from '../../context';
import { load } from '../../lazy';
import { formatBytes, formatDuration, plural } from '../../output/format';
import { clockFinding, examine, fail, ok, warn, type Finding } from './finding';

/** Temporal: version, search attributes, workers, clock. */
export async function checkTemporal(context: CliContext): Promise<readonly Finding[]> {
  const { temporal } = await context.config();
  const client = await context.client();
  const server = await client.checkServer();
  const findings = [
    ok('temporal', `server ${server.serverVersion} at ${temporal.address}, namespace ${server.namespace}`),
  ];
  if (server.missingSearchAttributes.length > 0) {
    findings.push(
      warn(
        'temporal',
        `search attributes are missing: ${server.missingSearchAttributes.join(', ')}`,
        'a worker registers them at its start; on Temporal Cloud create them as Keyword (docs/deployment.md)',
      ),
    );
  } else {
    findings.push(ok('temporal', 'all search attributes are registered'));
  }
  const idle = Object.entries(server.pollers).filter(([, count]) => count === 0);
  if (idle.length > 0) {
    findings.push(
      fail(
        'workers',
        `nobody works on ${idle.map(([queue]) => queue).join(', ')}`,
        'start `holdfast worker` or `holdfast up`',
      ),
    );
  } else {
    findings.push(
      ok(
        'workers',
        Object.entries(server.pollers)
          .map(([queue, count]) => `${queue}: ${count}`)
          .join(', '),
      ),
    );
  }
  if (temporal.webUi !== undefined) findings.push(...(await examine('temporal', () => webUiClock(temporal.webUi!))));
  return findings;
}

/** Temporal's API tells no time; its Web UI does, to the second. */
async function webUiClock(url: string): Promise<readonly Finding[]> {
  const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(5_000) });
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return [];
  const skew = date - Date.now();
  return [clockFinding('temporal', Math.abs(skew) <= 1_000 ? 0 : skew)];
}

export async function checkCatalog(context: CliContext): Promise<readonly Finding[]> {
  const facts = await (await context.catalog()).ping();
  if (facts.migration === null) {
    return [
      warn(
        'catalogue',
        `PostgreSQL ${facts.serverVersion}, no tables yet`,
        'run `holdfast migrate`, or start a worker',
      ),
    ];
  }
  return [ok('catalogue', `PostgreSQL ${facts.serverVersion}, migrated to ${facts.migration}`)];
}

export async function checkStores(context: CliContext): Promise<readonly Finding[]> {
  const { stores } = await context.config();
  const checks = await Promise.all(
    stores.map(({ name }) =>
      examine(`store ${name}`, async () => {
        const area = `store ${name}`;
        const check = await load.storeCheck().checkConfiguredStore({
          store: await context.store(name),
          usedBefore: () => load.storeCheck().isUsedBefore(() => context.catalog(), name),
          repositoryId: async () => load.storeCheck().configuredRepository(await context.config()),
          signal: context.signal,
        });
        const remarks = check.findings
          .filter(({ level }) => level !== 'ok')
          .map(({ about, detail, hint }) => ({ ...warn(area, `${about}: ${detail}`, hint), hint: hint || null }));
        const failed = check.steps.filter((step) => step.error !== null);
        if (failed.length > 0) {
          return [
            ...failed.map((step) =>
              fail(area, `${step.name}: ${step.error!.code}: ${step.error!.message}`, step.error!.hint),
            ),
            ...remarks,
          ];
        }
        const skipped = check.steps.filter((step) => step.name === 'create-only' && step.outcome === 'skipped');
        const kept = check.steps.some((step) => step.name === 'delete' && step.outcome === 'skipped');
        return [
          ok(
            area,
            `a canary was written${kept ? ' and read' : ', read and deleted'} in ${formatDuration(check.durationMs)}`,
          ),
          ...remarks,
          ...skipped.map((step) =>
            warn(area, `${step.name}: ${step.detail}`, 'use a store with conditional writes where you can'),
          ),
        ];
      }),
    ),
  );
  return checks.flat();
}

/** Whether the stores can hold copies as the policy wants them, and what one mishap would take together. */
export async function checkCopyPolicy(config: HoldfastConfig): Promise<readonly Finding[]> {
  const { impossible, warnings, held } = await checkPolicy(config);
  const apart = 'keep copies on different media, in different accounts and places';
  return [
    ...impossible.map(({ database, sentence }) =>
      fail('policy', `${database}: ${sentence}`, 'add a store, or change `policy` in holdfast.yaml'),
    ),
    ...(held.length > 0 && impossible.length === 0
      ? [ok('policy', `the stores can hold the copies that are wanted of ${held.join(', ')}`)]
      : []),
    ...warnings.map((warning) => warn('stores', warning, apart)),
  ];
}

export async function checkKeys(context: CliContext): Promise<readonly Finding[]> {
  const keys = await context.keys();
  const findings = [ok('keys', `repository ${keys.repositoryId}, ${plural(keys.recipients.length, 'recipient')}`)];
  if (keys.recipients.length < 2) {
    findings.push(
      warn(
        'keys',
        'only one identity can read new backups',
        'add one that is kept offline: holdfast keys add-recipient',
      ),
    );
  }
  if (keys.signingKey === null)
    findings.push(
      warn(
        'keys',
        'no signing key here',
        'this machine can restore but not back up; set keys.signingKey on those that back up',
      ),
    );
  if (keys.identities.length === 0)
    findings.push(
      warn(
        'keys',
        'no identity here',
        'this machine can back up but not prove or restore; set keys.identities on those that do',
      ),
    );
  const { repository } = (await context.config()).keys;
  const folder = repository.endsWith('.json') ? dirname(repository) : repository;
  const present =
    (
      await load
        .keys()
        .listKeys(folder)
        .catch(() => null)
    )?.present ?? [];
  if (present.includes('offline-identity.txt')) {
    findings.push(
      warn('keys', `the offline identity is still in ${folder}`, 'move it to a place that no server reaches'),
    );
  }
  return findings;
}

export async function checkReferences(config: HoldfastConfig): Promise<readonly Finding[]> {
  const { references, unreadable, exposed } = await checkSecrets(config);
  const hidden = 'set the environment variable, or create the file, that the reference names';
  return [
    ...(unreadable.length === 0 ? [ok('secrets', `${plural(references, 'reference')} can be read`)] : []),
    ...unreadable.map((fact) => fail('secrets', fact, hidden)),
    ...exposed.map((fact) => warn('secrets', fact, 'only its owner should be able to read it')),
  ];
}

export async function checkDisk(config: HoldfastConfig): Promise<readonly Finding[]> {
  const places = [
    { area: 'disk for proofs', path: config.scratch.dir, min: config.scratch.minFree },
    ...config.stores.flatMap((store) =>
      store.adapter === 'filesystem'
        ? [{ area: `disk of store ${store.name}`, path: store.path, min: store.minFree }]
        : [],
    ),
  ];
  return Promise.all(
    places.map(async ({ area, path, min }) => {
      const free = await freeBytes(path);
      if (free === null) return fail(area, `${path} cannot be looked at`, 'create the folder, or correct the path');
      if (free < min)
        return fail(
          area,
          `${formatBytes(free)} free at ${path}, ${formatBytes(min)} must stay free`,
          'free some space',
        );
      return ok(area, `${formatBytes(free)} free at ${path}`);
    }),
  );
}

/** Of the folder, or of the nearest parent that exists. */
async function freeBytes(path: string): Promise<number | null> {
  for (let folder = path; ; folder = dirname(folder)) {
    const facts = await statfs(folder).catch(() => null);
    if (facts !== null) return facts.bavail * facts.bsize;
    if (dirname(folder) === folder) return null;
  }
}
