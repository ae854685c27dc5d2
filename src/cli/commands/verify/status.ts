/** verify status: what is proved where, how long ago, and what comes next. Asks the catalogue alone. */
import { openBreakers } from '../../../activities/resting';
import {
  intactRules,
  proofEstimate,
  rotationFromCatalog,
  rotationRules,
  shareFromCatalog,
} from '../../../catalog/verification-plan';
import type { Catalog } from '../../../catalog/types';
import { readCosts } from '../../../config/read-cost';
import type { DatabaseConfig, HoldfastConfig } from '../../../config/schema';
import { BUCKETS } from '../../../domain/intact-plan';
import { gradeAtLeast, type ProofGrade } from '../../../domain/names';
import { estimateText, type ReadEstimate } from '../../../domain/reading';
import type { StoreAway } from '../../../domain/verification-runs';
import { storesOf } from '../../../config/database-stores';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { formatRelative, formatShare, NONE } from '../../output/format';
import { renderTable } from '../../output/table';

interface StoreStatus {
  readonly store: string;
  readonly copies: { readonly held: number; readonly damaged: number };
  /** When a copy there was last proved to at least this grade. */
  readonly proved: Readonly<Record<'exact' | 'restored' | 'intact', Date | null>>;
  readonly nextTurn: { readonly backupId: string; readonly why: string; readonly estimate: ReadEstimate } | null;
  readonly cycle: {
    readonly startedAt: Date;
    readonly endsAt: Date;
    readonly progress: number;
    readonly late: boolean;
    readonly damaged: number;
    readonly lastShareAt: Date | null;
  } | null;
  /** What the next share reads. */
  readonly nextShare: ReadEstimate | null;
  /** When the part was read that was read longest ago; null = some part was never read. */
  readonly oldestReadAt: Date | null;
}
interface DatabaseStatus {
  readonly database: string;
  readonly rotation: {
    readonly scheduled: boolean;
    readonly grade: ProofGrade;
    readonly copies: number;
    readonly overdue: number;
  };
  readonly intact: { readonly scheduled: boolean };
  /** Stores that are left alone now, and why: their turn is skipped. */
  readonly away: readonly StoreAway[];
  readonly stores: readonly StoreStatus[];
}

export const verifyStatus: Verb = (parent, cli) =>
  parent
    .command('status')
    .argument('[database]', 'only this one')
    .description('what is proved at each store, how long ago, whose turn is next, and what was not read for longest')
    .action(
      action(cli, 'view', async (context, _options, name?: string) => {
        const config = await context.config();
        const catalog = await context.catalog();
        const chosen = name === undefined ? config.databases : [await context.database(name)];
        const data: DatabaseStatus[] = [];
        for (const database of chosen) data.push(await statusOf(catalog, config, database, context.ui.now()));
        return { data, text: data.map((status) => render(context, status)).join('\n\n') };
      }),
    );

async function statusOf(
  catalog: Catalog,
  config: HoldfastConfig,
  database: DatabaseConfig,
  now: Date,
): Promise<DatabaseStatus> {
  const of = { database: database.name };
  const stores = storesOf(config, database.name);
  const costOf = readCosts(config);
  const { watch, openFor, interval } = config.health;
  const limits = { openForMs: openFor, intervalMs: interval };
  const away = watch ? openBreakers(await catalog.storeHealth(), stores, limits, now.getTime()) : [];
  const down = away.map(({ store }) => store);
  const [summaries, copies, readings, plan] = await Promise.all([
    catalog.proofSummaries(of),
    catalog.copies(of),
    catalog.intactReadings(of),
    rotationFromCatalog(catalog, database, stores, { down, now }),
  ]);
  const { grade } = rotationRules(database);
  const statuses = stores.map(async (store): Promise<StoreStatus> => {
    const last = (floor: ProofGrade) =>
      summaries
        .filter((one) => one.store === store && one.provedAt !== null && gradeAtLeast(one.asked, floor))
        .map(({ provedAt }) => provedAt!)
        .sort((a, b) => b.getTime() - a.getTime())[0] ?? null;
    const [cycle] = await catalog.intactCycles({ ...of, store, limit: 1 });
    const turn = plan.turns.find(({ candidate }) => candidate.store === store);
    const here = copies.filter((copy) => copy.store === store);
    const share = await shareFromCatalog(catalog, database, { store, asked: 'due', now, costOf });
    const reading = readings.find((one) => one.store === store);
    const endsAt = new Date((cycle?.startedAt.getTime() ?? 0) + intactRules(database).cycleMs);
    return {
      store,
      copies: {
        held: here.filter(({ state }) => state === 'complete' || state === 'proved').length,
        damaged: here.filter(({ state }) => state === 'damaged').length,
      },
      proved: { exact: last('exact'), restored: last('restored'), intact: last('intact') },
      nextTurn:
        turn === undefined
          ? null
          : {
              backupId: turn.candidate.backupId,
              why: turn.why,
              estimate: await proofEstimate(
                catalog,
                { ...of, store, backupId: turn.candidate.backupId, grade },
                costOf,
              ),
            },
      cycle:
        cycle === undefined
          ? null
          : {
              startedAt: cycle.startedAt,
              endsAt,
              progress: cycle.nextBucket / BUCKETS,
              late: cycle.completedAt === null && endsAt < now,
              damaged: cycle.damaged,
              lastShareAt: cycle.lastShareAt,
            },
      nextShare: share.from < share.to ? share.estimate : null,
      oldestReadAt: reading?.buckets === BUCKETS ? reading.oldestReadAt : null,
    };
  });
  return {
    database: database.name,
    rotation: {
      scheduled: database.verification.rotation !== undefined,
      grade,
      copies: plan.copies,
      overdue: plan.overdue,
    },
    intact: { scheduled: database.verification.intact !== undefined },
    away,
    // In the order in which the stores take their turns.
    stores: sortByTurn(
      await Promise.all(statuses),
      plan.turns.map(({ candidate }) => candidate.store),
    ),
  };
}

function sortByTurn(statuses: readonly StoreStatus[], turns: readonly string[]): readonly StoreStatus[] {
  const place = ({ store }: StoreStatus) => (turns.includes(store) ? turns.indexOf(store) : turns.length);
  return [...statuses].sort((a, b) => place(a) - place(b));
}

function render(context: CliContext, status: DatabaseStatus): string {
  const { colors, now: clock } = context.ui;
  const now = clock();
  const { rotation, intact, stores } = status;
  const ago = (at: Date | null) => (at === null ? colors.yellow('never') : formatRelative(at, now));
  const head =
    `${colors.bold(status.database)}  ${rotation.copies} copies in rotation to ${rotation.grade}, ` +
    `${rotation.overdue > 0 ? colors.red(`${rotation.overdue} overdue`) : 'none overdue'}; schedules: ` +
    `rotation ${rotation.scheduled ? 'configured' : 'none'}, intact ${intact.scheduled ? 'configured' : 'none'}`;
  const table = renderTable<StoreStatus>(
    stores,
    [
      { title: 'STORE', get: ({ store }) => colors.bold(store) },
      {
        title: 'COPIES',
        align: 'right',
        get: ({ copies }) => `${copies.held}${copies.damaged > 0 ? colors.red(` +${copies.damaged} damaged`) : ''}`,
      },
      { title: 'EXACT', get: ({ proved }) => ago(proved.exact) },
      { title: 'RESTORED', get: ({ proved }) => ago(proved.restored) },
      { title: 'INTACT', get: ({ proved }) => ago(proved.intact) },
      {
        title: 'CYCLE',
        get: ({ cycle }) =>
          cycle === null
            ? NONE
            : `${formatShare(cycle.progress)}, ${cycle.late ? colors.red('late') : `ends ${formatRelative(cycle.endsAt, now)}`}`,
      },
      { title: 'OLDEST READ', get: ({ oldestReadAt }) => ago(oldestReadAt) },
    ],
    colors.dim,
  );
  const next = stores.flatMap(({ store, nextTurn, nextShare }, index) => [
    ...(nextTurn === null
      ? []
      : [
          `${index === 0 ? 'next turn' : 'then     '}  ${nextTurn.backupId} at ${store} (${nextTurn.why}): ${estimateText(nextTurn.estimate)}`,
        ]),
    ...(nextShare === null ? [] : [`next share ${store}: ${estimateText(nextShare)}`]),
  ]);
  const skipped = status.away.map(({ store, reason }) => colors.yellow(`${store} is skipped: ${reason}`));
  return [head, table, ...next, ...skipped].join('\n');
}
