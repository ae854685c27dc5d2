import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { createCatalog } from '../../../src/catalog/create-catalog';
import { migrate } from '../../../src/catalog/migrate';
import type { Catalog } from '../../../src/catalog/types';
import { createUi } from '../../../src/cli/output/ui';
import { buildProgram } from '../../../src/cli/program';
import type { AreaImpact } from '../../../src/domain/load/impact';
import type { NotChosen } from '../../../src/domain/load/not-chosen';
import type { RegressionReport } from '../../../src/domain/load/regression';
import { startPostgres, type TestPostgres } from '../../support/postgres';
import { fillWithHistory } from '../../support/simulated-load';

const DAY = 86_400_000;
const KEEP = { samples: 7 * DAY, minutes: 10 * DAY, hours: 400 * DAY, days: 1_825 * DAY };

jest.setTimeout(600_000);

let server: TestPostgres;
let folder: string;
beforeAll(async () => {
  server = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-fortnight-'));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface World {
  readonly catalog: Catalog;
  readonly database: string;
  /** What the command prints at that instant, and its exit status. */
  cli(...args: string[]): Promise<{ readonly code: number; readonly text: string }>;
  json<T>(...args: string[]): Promise<T>;
}

/** A catalogue with the history of one database, and the command line as it is at its end. */
async function world(name: string, timeZone: string, now: Date, load: object, days?: number): Promise<World> {
  const target = await server.createDatabase(name);
  await migrate(target, 'holdfast');
  const catalog = createCatalog({ target, schema: 'holdfast', applicationName: 'test' });
  await fillWithHistory(
    catalog,
    { database: 'shop', timeZone, now, seed: 7, stores: ['disk'], ...(days ? { days } : {}) },
    KEEP,
  );
  const url = `postgres://${target.user}@${target.host}:${target.port}/${target.database}?sslmode=disable`;
  writeFileSync(join(folder, `${name}.url`), url);
  const config = join(folder, `${name}.yaml`);
  writeFileSync(
    config,
    JSON.stringify({
      version: 1,
      databases: [
        { name: 'shop', connection: { url: `file:${name}.url` } },
        { name: 'fresh', connection: { url: `file:${name}.url` } },
      ],
      stores: [{ name: 'disk', adapter: 'filesystem', path: './disk' }],
      keys: { repository: './keys', idKey: 'file:id' },
      catalog: { connection: { url: `file:${name}.url` } },
      load: { timezone: timeZone, ...load },
    }),
  );
  const cli = async (...args: string[]) => {
    const out = new PassThrough();
    const outcome = { code: -1, text: '' };
    out.setEncoding('utf8').on('data', (text: string) => (outcome.text += text));
    const program = buildProgram({
      signal: new AbortController().signal,
      setExitCode: (code) => (outcome.code = code),
      ui: ({ json = false }) => ({ ...createUi({ json, color: false }), out, err: out, now: () => now }),
    });
    await program.parseAsync(['-c', config, ...args], { from: 'user' });
    return outcome;
  };
  return {
    catalog,
    database: name,
    cli,
    json: async <T>(...args: string[]) => JSON.parse((await cli('--json', ...args)).text) as T,
  };
}

interface Advice {
  readonly ok: boolean;
  readonly windows: readonly {
    readonly window: { readonly days: readonly string[]; readonly from: string; readonly to: string };
    readonly reasons: readonly string[];
    readonly others: readonly NotChosen[];
  }[];
}

describe('two weeks in Berlin, in which the clocks went back', () => {
  let shop: World;
  beforeAll(async () => {
    // The 25th of October had 25 hours there.
    shop = await world('berlin', 'Europe/Berlin', new Date('2026-10-30T09:00:00Z'), { deadline: { doneBy: '06:30' } });
  });
  afterAll(() => shop.catalog.close());

  it('recommends the window that a person would choose, and says why not another', async () => {
    const { windows } = await shop.json<Advice>('load', 'recommend', 'shop');
    const [{ window, reasons, others }] = windows as [Advice['windows'][number]];
    // Between the evening and the job at 02:00, and long before the deadline.
    expect(window).toEqual({ days: [], from: '23:00', to: '01:00' });
    expect(reasons).toContainEqual(expect.stringMatching(/^a backup takes about 1 h \d+ min; \d+ min are left over$/));
    expect(reasons).toContainEqual(expect.stringMatching(/^the deadline \(06:30\) leaves 6 h/));
    const why = (hour: string) => others.find(({ from, to }) => from <= hour && (hour < to || to === '00:00'))!;
    expect(why('02:30')).toMatchObject({ from: '02:00', to: '04:00', code: 'job' });
    expect(why('01:30')).toMatchObject({ code: 'runsIntoJob', text: expect.stringContaining('job of 02:00–04:00') });
    expect(why('05:30')).toMatchObject({ code: 'deadline' });
    expect(why('11:00')).toMatchObject({ code: 'busy', text: expect.stringMatching(/^busier: CPU of the host \d/) });

    const { text } = await shop.cli('load', 'recommend', 'shop');
    expect(text).toContain('1. daily 23:00–01:00 Europe/Berlin');
    expect(text).toMatch(/02:00–04:00 {2}busy in the middle of a quiet time, as by a job/);
  });

  it('flags the backup that was slow, once, in all places, and no other', async () => {
    const listed = await shop.json<{ backupId: string; regression: RegressionReport | null }[]>('backup', 'list');
    const odd = listed.filter(({ regression }) => regression!.flags.length > 0);
    expect(odd.map(({ regression }) => regression!.flags.map(({ of }) => of))).toEqual([['duration', 'speed']]);
    const { backupId } = odd[0]!;
    expect((await shop.cli('backup', 'list')).text).toMatch(new RegExp(`${backupId}.* 2\\.\\d × slower`));
    expect((await shop.cli('backup', 'show', backupId)).text).toMatch(/unusual +without pauses took 2 h/);
    expect((await shop.cli('load', 'impact', 'shop', '--backup', backupId)).text).toContain('out of the ordinary');
    const told = (await shop.catalog.loadEvents({ database: 'shop' })).filter(({ word }) => word === 'regression');
    expect(told.map((event) => event.backupId)).toEqual([backupId]);
    // Its successor stood still for a third of an hour, which is no fault of the backup.
    const oldest = listed.at(-1)!;
    expect(oldest.regression!.unknown).toMatch(/^needs 5 earlier full backups to compare with, has 0$/);
  });

  it('tells what the newest backup cost, and how sure that is', async () => {
    const report = await shop.json<{
      areas: AreaImpact[];
      signals: { key: string; verdict: string; sureness: string }[];
    }>(...['load', 'impact', 'shop']);
    const area = (name: string) => report.areas.find((one) => one.area === name)!;
    expect(area('latency')).toMatchObject({ verdict: 'worse', sureness: 'high' });
    expect(area('latency').text).toMatch(/^response of the application \S+ ms against \S+ ms before \(\+[3-8] %\)$/);
    expect(area('locks').verdict).toBe('same');
    // The evening fades by itself: that cannot be told from what the backup did, and the report says so.
    expect(report.signals.find(({ key }) => key === 'postgres/sessionsActive')).toMatchObject({ sureness: 'low' });
  });

  it('shows what grows and when it no longer fits, with what is known of it', async () => {
    const { items } = await shop.json<{ items: { what: string; in30Days: number | null; limit: number | null }[] }>(
      ...['load', 'capacity', 'shop'],
    );
    const [database, backup, store] = items;
    expect(database).toMatchObject({ what: 'database' });
    expect(database!.in30Days! / 1e9).toBeGreaterThan(225);
    expect(database!.in30Days! / 1e9).toBeLessThan(240);
    // From 21:30 to 06:30.
    expect(backup).toMatchObject({ what: 'backup', limit: 9 * 3_600_000 });
    expect(store!.what).toBe('store disk');
    const { text } = await shop.cli('load', 'capacity', 'fresh');
    expect(text).toContain('database: no forecast: needs 5 backups, has 0');
  });

  it('shows what repeats, at the hours of the zone on both sides of the change of clocks', async () => {
    const { series } = await shop.json<{
      series: { key: string; medians: (number | null)[]; season: { busiest: number; daily: number } | null }[];
    }>('load', 'baseline', 'shop');
    const cpu = series.find(({ key }) => key === 'host/hostCpu')!;
    expect(cpu.season).toMatchObject({ busiest: 2 });
    expect(cpu.season!.daily).toBeGreaterThan(0.5);
    for (let day = 0; day < 7; day += 1) {
      expect(cpu.medians[day * 24 + 2]).toBeGreaterThan(0.5);
      expect(cpu.medians[day * 24 + 1]).toBeLessThan(0.15);
    }
    expect((await shop.cli('load', 'baseline', 'fresh')).text).toContain('nothing is known yet');
  });

  it('answers with status 1 where too little is known', async () => {
    expect(await shop.cli('load', 'recommend', 'fresh')).toMatchObject({
      code: 1,
      text: expect.stringContaining('0 hours of the week are known, 24 are needed'),
    });
  });

  it('stays small: old samples and minutes are gone, and a second look changes nothing', async () => {
    const count = async (table: string) => {
      const { rows } = await server.sql(`SELECT count(*)::int AS rows FROM holdfast.${table}`, shop.database);
      return (rows[0] as { rows: number }).rows;
    };
    const now = new Date('2026-10-30T09:00:00Z');
    const sources = 3;
    expect(await count('load_samples')).toBe(sources * 7 * 2_880);
    const before = await count('load_rollups');
    // Minutes of ten days, hours and days of all, and twice where a backup began or ended.
    expect(before).toBeLessThan(sources * (10 * 1_440 + 14 * 24 + 15) * 1.05);
    // The newest minute and hour alone are made again, for a sample that may have come in late.
    const again = await shop.catalog.maintainLoad({ database: 'shop', now, keep: KEEP });
    expect(again).toEqual({ rolledUp: 2 * sources, deleted: 0 });
    expect(await count('load_rollups')).toBe(before);
    const { rows } = await server.sql(
      `SELECT sum(pg_total_relation_size(oid))::float8 / 1e6 AS megabytes FROM pg_class
        WHERE relname IN ('load_samples', 'load_rollups', 'load_events')`,
      shop.database,
    );
    expect((rows[0] as { megabytes: number }).megabytes).toBeLessThan(150);
  });

  it('is asked through indexes', async () => {
    await server.sql('ANALYZE', shop.database);
    const plan = async (sql: string) => {
      const { rows } = await server.sql(`EXPLAIN (COSTS OFF) ${sql}`, shop.database);
      return rows.map((row) => Object.values(row as object)[0] as string).join('\n');
    };
    const newest = `SELECT * FROM holdfast.load_samples WHERE database = 'shop' AND at >= '2026-10-30 08:00Z'`;
    expect(await plan(newest)).toContain('load_samples_at');
    const hours = `SELECT * FROM holdfast.load_rollups WHERE database = 'shop' AND grain = 'hour' AND start >= '2026-10-01' AND NOT busy`;
    expect(await plan(hours)).toContain('load_rollups_pkey');
    const old = `DELETE FROM holdfast.load_rollups WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.load_rollups
      WHERE database = 'shop' AND grain = 'minute' AND start < '2026-10-01' LIMIT 5000))`;
    expect(await plan(old)).not.toMatch(/Seq Scan/);
  });
});

describe('ten days in New York, in which the clocks went forward', () => {
  it('recommends by the clocks that people see', async () => {
    const shop = await world('newyork', 'America/New_York', new Date('2026-03-13T15:00:00Z'), {}, 10);
    try {
      const { windows } = await shop.json<Advice>('load', 'recommend', 'shop');
      const [{ window, others }] = windows as [Advice['windows'][number]];
      expect(window).toMatchObject({ days: [], from: '23:00', to: '01:00' });
      expect(others.find(({ from, to }) => from <= '05:00' && '05:00' < to)!.code).toBe('asQuiet');
      expect(others.find(({ code }) => code === 'job')).toMatchObject({ from: '02:00', to: '04:00' });
    } finally {
      await shop.catalog.close();
    }
  });
});
