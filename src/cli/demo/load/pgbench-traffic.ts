/** Visits by pgbench, with a line of its log for each. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EmbeddedPostgres, FoundPgbench, Supervisor } from '../../../provision';
import { DEMO_DATABASE } from '../config-text';
import { withClient } from '../environment';
import { visitScript, visitsOfLog, type Traffic, type TrafficSource, type TrafficSpec, type Visit } from './traffic';

export interface PgbenchTrafficOptions {
  readonly program: FoundPgbench;
  readonly postgres: EmbeddedPostgres;
  readonly supervisor: Supervisor;
  /** The demo's. */
  readonly folder: string;
  readonly customers: number;
}

/** Time in which pgbench writes what it still has and ends. */
const END_MS = 5_000;
const THREADS = 2;

export function pgbenchTraffic({
  program,
  postgres,
  supervisor,
  folder,
  customers,
}: PgbenchTrafficOptions): TrafficSource {
  return {
    name: `pgbench ${program.version}`,
    async start({ name, clients, perSecond, seconds }: TrafficSpec): Promise<Traffic> {
      const place = join(folder, name);
      mkdirSync(place, { recursive: true });
      const script = join(place, 'visit.sql');
      writeFileSync(script, visitScript(customers));
      const application = `demo ${name}`;
      const running = await supervisor.start({
        name,
        command: program.path,
        args: [
          '--no-vacuum', `--file=${script}`, `--client=${clients}`, `--jobs=${Math.min(clients, THREADS)}`, `--time=${seconds}`,
          ...(perSecond === null ? [] : [`--rate=${perSecond}`]),
          '--log', `--log-prefix=${join(place, 'visits')}`,
          '-h', postgres.socketDir, '-p', String(postgres.port), '-U', postgres.user, DEMO_DATABASE,
        ], // prettier-ignore
        env: { PATH: process.env.PATH, PGAPPNAME: application, LC_ALL: 'C' },
        cwd: place,
        logFile: join(place, `${name}.log`),
        pidFile: join(place, `${name}.pid`),
      });
      return {
        ended: running.exited.then(() => undefined),
        async stop() {
          if (running.exit()) return;
          // A signal would end it with lines of its log unwritten; without connections it ends by itself.
          await withClient(postgres.url('postgres'), (client) =>
            client.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
              application,
            ]),
          ).catch(() => undefined);
          const patience = new AbortController();
          await Promise.race([running.exited, sleep(END_MS, undefined, patience).catch(() => undefined)]);
          patience.abort();
          await running.stop();
        },
        visits: () => readVisits(place),
      };
    },
  };
}

/** One file a thread. */
async function readVisits(place: string): Promise<readonly Visit[]> {
  const files = (await readdir(place)).filter((name) => name.startsWith('visits.'));
  const all = await Promise.all(files.map((name) => readFile(join(place, name), 'utf8')));
  return all.flatMap((text) => visitsOfLog(text));
}
