/** store diff: what two stores hold, side by side. */
import type { StoreDiff, SideFigures, DiffRequest } from '../../../repository/diff-stores';
import { cliError } from '../../../errors/cli';
import { estimateText, measuredText, type ReadEstimate } from '../../../domain/reading';
import { action, type Verb } from '../../command';
import type { CliContext } from '../../context';
import { EXIT } from '../../exit-codes';
import { load } from '../../lazy';
import { formatBytes, formatCount, formatShare, NONE, plural } from '../../output/format';
import { createProgress } from '../../output/progress';
import { renderTable } from '../../output/table';
import { readEstimateFor } from '../../read-estimate';

interface DiffOptions {
  readonly database?: string;
  readonly deep?: boolean;
}

/** Lines of each kind of difference; --json has them all. */
const SHOWN = 10;

/** Reading everything costs bytes and money. */
const NEEDS = { role: 'view', with: { deep: 'operate' } } as const;

export const storeDiff: Verb = (parent, cli) =>
  parent
    .command('diff')
    .argument('<a>', 'a store')
    .argument('<b>', 'another store')
    .description('compare what two stores hold, by listings and manifests alone; ends with 6 when they differ')
    .option('-d, --database <name>', 'only this database (all that either store holds, unless stated)')
    .option('--deep', 'also read every object at both stores and check its hash; shows bytes, time and cost first')
    .addHelpText(
      'after',
      '\nObjects that no manifest names are counted as garbage and are no difference: a backup that is being made, or\n' +
        'work for the next sweep.\n\nExamples:\n  holdfast store diff disk s3\n  holdfast store diff disk s3 --database shop --deep',
    )
    .action(
      action<DiffOptions>(cli, NEEDS, async (context, options, nameA: string, nameB: string) => {
        if (nameA === nameB) throw cliError('CLI_USAGE', 'name two different stores', { context: { store: nameA } });
        const [a, b, keys] = [await context.store(nameA), await context.store(nameB), await context.keys()];
        const { signal } = context;
        const { diffStores, listDatabases } = load.diff();
        const databases =
          options.database !== undefined
            ? [options.database]
            : [...new Set([...(await listDatabases(a, signal)), ...(await listDatabases(b, signal))])].sort();
        const diffs: StoreDiff[] = [];
        for (const database of databases)
          diffs.push(await withProgress(context, { a, b, database, keys, signal }, diffStores, null));
        const shallow = { stores: [nameA, nameB], deep: false, equal: diffs.every((diff) => diff.equal) };
        if (!options.deep) return answer(context, { ...shallow, databases: diffs });

        const sides = diffs.flatMap((diff) => [diff.a, diff.b]);
        const estimates = await Promise.all(
          [nameA, nameB].map((store) => readEstimateFor(context, store, total(sides, store))),
        );
        const reads = [nameA, nameB].map((store, index) => ({ store, estimate: estimates[index]! }));
        for (const { store, estimate } of reads) context.ui.note(`reading ${estimateText(estimate)} at ${store}`);
        const deep: StoreDiff[] = [];
        const startedAt = Date.now();
        for (const database of databases) {
          const objects = diffs.find((diff) => diff.database === database)!;
          const expected = objects.a.objects + objects.b.objects;
          deep.push(await withProgress(context, { a, b, database, keys, signal, deep: true }, diffStores, expected));
        }
        const ms = Date.now() - startedAt;
        const measured = reads.map(({ store, estimate }) => ({ store, estimate, measured: { ...estimate, ms } }));
        for (const read of measured) context.ui.note(`read ${measuredText(read.measured)} at ${read.store}`);
        const equal = deep.every((diff) => diff.equal);
        return answer(context, { stores: [nameA, nameB], deep: true, equal, reads: measured, databases: deep });
      }),
    );

function total(sides: readonly SideFigures[], store: string): { bytes: number; objects: number } {
  const mine = sides.filter((side) => side.store === store);
  return {
    bytes: mine.reduce((sum, side) => sum + side.bytes, 0),
    objects: mine.reduce((sum, side) => sum + side.objects, 0),
  };
}

async function withProgress(
  context: CliContext,
  request: DiffRequest,
  diffStores: (request: DiffRequest) => Promise<StoreDiff>,
  /** Objects to read; null = listings alone. */
  expected: number | null,
): Promise<StoreDiff> {
  const view = createProgress(context.ui);
  const { database } = request;
  try {
    return await diffStores({
      ...request,
      onProgress: ({ listed, read, readBytes }) => {
        const share = expected === null || expected === 0 ? null : read / expected;
        const line =
          share === null
            ? `${database}: ${formatCount(listed)} objects listed`
            : `${database}: ${formatCount(read)} objects read, ${formatBytes(readBytes)}, ${formatShare(share)}`;
        view.show({ block: [line], line, key: `${database}/${expected === null}`, data: { database, listed, read } });
      },
    });
  } finally {
    view.stop();
  }
}

interface DiffAnswer {
  readonly stores: readonly string[];
  readonly deep: boolean;
  readonly equal: boolean;
  readonly reads?: readonly {
    readonly store: string;
    readonly estimate: ReadEstimate;
    readonly measured: ReadEstimate;
  }[];
  readonly databases: readonly StoreDiff[];
}

function answer(context: CliContext, data: DiffAnswer) {
  const { colors } = context.ui;
  const verdict =
    data.databases.length === 0
      ? 'neither store holds a backup'
      : data.equal
        ? colors.green(`equal${data.deep ? ', every object read' : ' by listings and manifests'}`)
        : colors.red('different');
  return {
    data,
    text: [...data.databases.map((diff) => render(context, diff)), verdict].join('\n\n'),
    exitCode: data.equal ? EXIT.ok : EXIT.proofFailed,
  };
}

function render(context: CliContext, diff: StoreDiff): string {
  const { colors } = context.ui;
  const { a, b, backups, listed } = diff;
  const bad = (count: number | null) =>
    count === null ? colors.dim('not read') : count > 0 ? colors.red(formatCount(count)) : '0';
  const rows: [string, string, string][] = [
    ['backups', formatCount(a.backups), formatCount(b.backups)],
    ['backups only here', bad(backups.onlyA.length), bad(backups.onlyB.length)],
    ['objects', formatCount(a.objects), formatCount(b.objects)],
    ['bytes', formatBytes(a.bytes), formatBytes(b.bytes)],
    ['missing', bad(a.missing), bad(b.missing)],
    ['wrong size', bad(a.wrongSize), bad(b.wrongSize)],
    ['damaged', bad(a.damaged), bad(b.damaged)],
    ['garbage', garbage(a), garbage(b)],
  ];
  const table = renderTable(
    rows,
    [
      { title: colors.bold(diff.database), get: ([label]) => label },
      { title: a.store, align: 'right', get: ([, left]) => left },
      { title: b.store, align: 'right', get: ([, , right]) => right },
    ],
    colors.dim,
  );
  const lines = [
    ...backups.onlyA.map((backupId) => `${backupId} is at ${a.store} alone`),
    ...backups.onlyB.map((backupId) => `${backupId} is at ${b.store} alone`),
    ...backups.different.map((backupId) => `${backupId} has another manifest at each store`),
    ...backups.refused.map(({ store, backupId, code }) => `${backupId} at ${store}: ${code}`),
    ...diff.faults.map(
      ({ store, object, kind, backups: named }) =>
        `${object.slice(0, 12)}… at ${store} is ${kind === 'wrong-size' ? 'of the wrong size' : kind}, named by ${
          named.length === 1 ? named[0]! : plural(named.length, 'backup')
        }`,
    ),
  ];
  const shown = lines.slice(0, SHOWN);
  if (lines.length > SHOWN) shown.push(`and ${plural(lines.length - SHOWN, 'more', 'more')}; --json has all of them`);
  const { onlyA, onlyB, otherSize } = listed;
  const head = `${plural(listed.both, 'object')} listed at both, ${onlyA} at ${a.store} alone, ${onlyB} at ${b.store} alone`;
  return [table, colors.dim(otherSize > 0 ? `${head}, ${otherSize} of another size` : head), ...shown].join('\n');
}

function garbage({ garbageObjects, garbageBytes }: SideFigures): string {
  return garbageObjects === 0 ? NONE : `${formatCount(garbageObjects)} (${formatBytes(garbageBytes)})`;
}
