import { readFileSync } from 'node:fs';
import { provisionError } from '../errors/provision';

export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The OS user to run PostgreSQL as: null (ourselves) unless this is root, then `wanted`, `postgres` or `nobody`. */
export function serverUser(wanted?: string): OsUser | null {
  if (process.getuid?.() !== 0) return null;
  const users = readUsers();
  for (const name of wanted ? [wanted] : ['postgres', '_postgres', 'nobody']) {
    const found = users.find((user) => user.name === name && user.uid !== 0);
    if (found) return found;
  }
  throw provisionError('PROVISION_NO_SERVER_USER', '', { context: { wanted: wanted ?? 'postgres, nobody' } });
}

function readUsers(): OsUser[] {
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map((fields) => ({ name: fields[0]!, uid: Number(fields[2]), gid: Number(fields[3]) }));
}
