/** A server of their own for catalogues: on the one that is measured, each of their commits would wait in the application's log. */
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../src/provision';
import { socketUrl, sqlOf, type Bench } from './bench';
import type { CatalogServer } from './installation';

export interface OwnCatalogServer extends CatalogServer {
  readonly pid: number;
  stop(): Promise<void>;
}

export async function openCatalogServer(bench: Bench): Promise<OwnCatalogServer> {
  const server = await startEmbeddedPostgres({
    installation: bench.postgres.installation,
    folder: join(bench.elsewhere, 'catalog'),
    settings: { max_connections: 50 },
  });
  bench.supervisor.add('catalogue', () => server.stop());
  return {
    pid: server.process.pid,
    sql: (text) => sqlOf(server, text, 'postgres'),
    url: (database) => socketUrl(server, database),
    stop: () => server.stop(),
  };
}
