/** Environment of PostgreSQL client tools: the connection by variables, the password by a private file; no argument. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
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
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-pass-'));
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
