/** What the demo under load needs before it can begin: limits that fit this machine, and somebody who plays the users. */
import { findPgbench } from '../../../provision';
import { DEMO_DATABASE } from '../config-text';
import { withClient, type DemoServers, type DemoSetup } from '../environment';
import type { DemoOptions } from '../options';
import { ownTraffic } from './own-traffic';
import { pgbenchTraffic } from './pgbench-traffic';
import { measureProbe, watchedRules, type DemoLoadRules } from './rules';
import type { TrafficSource } from './traffic';

/** Measures how long the watch's probe takes in peace, and says the limits that follow. */
export async function rulesUnderLoad(
  { postgres }: DemoServers,
  { megabytes }: Pick<DemoOptions, 'megabytes'>,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<DemoLoadRules> {
  const probe = await withClient(postgres.url(DEMO_DATABASE), async (client) => {
    // Otherwise the server does it in the middle of what is measured.
    await client.query('vacuum (analyze)');
    return measureProbe(client, signal);
  });
  const rules = watchedRules({ probe, megabytes });
  const limit = rules.limits?.probeLatencyMs;
  const { throttle, pause } = typeof limit === 'object' ? limit : {};
  say(
    `a query that the load watch asks takes ${probe.usual.toFixed(1)} ms here: slower from ${throttle as number} ms on, a pause from ${pause as number} ms on`,
  );
  return rules;
}

/** pgbench where there is one. */
export async function trafficOf(
  { postgres }: DemoServers,
  { folder, supervisor, say }: DemoSetup,
): Promise<TrafficSource> {
  const customers = await withClient(postgres.url(DEMO_DATABASE), async (client) => {
    const { rows } = await client.query<{ most: string }>('select max(id) as most from shop.customers');
    return Number(rows[0]!.most);
  });
  const program = await findPgbench(postgres.installation);
  if (program !== null) return pgbenchTraffic({ program, postgres, supervisor, folder, customers });
  say(`no pgbench for PostgreSQL ${postgres.installation.major} was found: the demo makes the same load by itself`);
  return ownTraffic({
    url: postgres.url(DEMO_DATABASE),
    customers,
    onStart: (name, stop) => supervisor.add(name, stop),
  });
}
