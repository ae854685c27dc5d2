/** Environment of PostgreSQL client tools: the connection by variables, the password by a private file; no argument. */
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostgresTarget } from './connection';

export interface ChildEnvironment {
  /** Complete: the child inherits nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** Removes the password file. Call when the child has ended. */
  remove(): Promise<void>;
}

/** Makes the environment of one or more children; `remove` must be called whatever happens. */
export async function childEnvironment(
  target: PostgresTarget,
  applicationName = 'holdfast',
): Promise<ChildEnvironment> {
  const env: Record<string, string> = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: homedir(),
    // Messages in English, times in UTC: both are read by code.
    LC_ALL: 'C',
    TZ: 'UTC',
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGDATABASE: target.database,
    PGAPPNAME: applicationName,
    PGCONNECT_TIMEOUT: '15',
    PGSSLMODE: target.host.startsWith('/') ? 'disable' : (target.sslmode ?? 'prefer'),
  };
  if (target.sslrootcert) env.PGSSLROOTCERT = target.sslrootcert;
  // Without a file of its own, libpq (16 and newer) can use the system's, as the driver does.
  else if (target.sslmode === 'verify-full') env.PGSSLROOTCERT = 'system';
  if (target.sslcert) env.PGSSLCERT = target.sslcert;
  if (target.sslkey) env.PGSSLKEY = target.sslkey;

  const { password } = target;
  // A password file has one login a line: a password with a line break can only go by the environment.
  if (password !== undefined && /[\r\n]/.test(password)) {
    return { env: { ...env, PGPASSWORD: password }, remove: async () => undefined };
  }
  await removeLeftBehind();
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix()}${process.pid}-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await chmod(folder, 0o700);
    const file = join(folder, 'pgpass');
    // Written even when empty, so that the child does not look for one in the home folder.
    const line = password === undefined ? '' : `*:*:*:*:${password.replace(/[\\:]/g, '\\$&')}\n`;
    await writeFile(file, line, { mode: 0o600, flag: 'wx' });
    return { env: { ...env, PGPASSFILE: file }, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Host and process are in the name, so that what a killed process left behind can be told from what is in use. */
function folderPrefix(): string {
  return `holdfast-pass-${hostname().replace(/[^A-Za-z0-9.]/g, '_')}-`;
}

/** Password files of processes of this host that are gone: a killed one cannot remove its own. */
async function removeLeftBehind(): Promise<void> {
  const prefix = folderPrefix();
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : NaN;
    if (!Number.isInteger(pid) || pid === process.pid || isAlive(pid)) continue;
    // Another user's folder of the same name pattern refuses, and stays.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
