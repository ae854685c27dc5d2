/** queue: which backups, proofs and restores are under way over all workers, and which wait for a place, in order, and why. */
import type { HeavyQueue } from '../../../domain/load/places';
import { nameOf } from '../../../domain/load/queue';
import { action, type Verb } from '../../command';
import { formatRelative } from '../../output/format';
import { renderTable } from '../../output/table';
import type { Palette } from '../../output/ui';

/** A backup that waits before it asks for a place: for its calendar, the impact breaker, or a store. */
export interface EarlierWait {
  readonly database: string;
  readonly reason: string;
  /** ISO time; null = nobody can tell. */
  readonly until: string | null;
}

export interface QueueView extends HeavyQueue {
  readonly notYet: readonly EarlierWait[];
}

export const queueCommand: Verb = (parent, cli) =>
  parent
    .command('queue')
    .description('heavy work: what is under way, what waits for a place or for its time, in which order and why')
    .addHelpText(
      'after',
      '\nHow many are under way at once is load.heavy. A restore waits for restores alone.\n\nExamples:\n  holdfast queue\n  holdfast queue --json | jq ".waiting[].text"',
    )
    .action(
      action(cli, 'view', async (context) => {
        const client = await context.client();
        const { databases, load } = await context.config();
        const known = await client.heavyQueue();
        const queue = known ?? { atMost: load.heavy, stop: null, running: [], waiting: [] };
        const notYet = await Promise.all(
          databases.map(async ({ name: database }): Promise<readonly EarlierWait[]> => {
            const progress = await client.progress(database).catch(() => null);
            const waiting = progress?.waiting;
            if (!waiting || waiting.for === 'place') return [];
            return [{ database, reason: waiting.reason, until: waiting.until }];
          }),
        );
        const view: QueueView = { ...queue, notYet: notYet.flat() };
        return { data: view, text: renderQueue(view, context.ui.now(), context.ui.colors) };
      }),
    );

interface Line {
  readonly place: string;
  readonly work: string;
  readonly priority: string;
  readonly since: string;
  readonly why: string;
}

export function renderQueue({ atMost, stop, running, waiting, notYet }: QueueView, now: Date, colors: Palette): string {
  const lines: Line[] = [
    ...running.map((one) => ({
      place: colors.green('runs'),
      work: nameOf(one),
      priority: one.priority,
      since: formatRelative(new Date(one.since), now),
      why: '',
    })),
    ...waiting.map((one) => ({
      place: String(one.place),
      work: nameOf(one),
      priority: one.priority,
      since: formatRelative(new Date(one.askedAt), now),
      why: one.text,
    })),
    ...notYet.map(({ database, reason, until }) => ({
      place: colors.yellow('not yet'),
      work: `backup of ${database}`,
      priority: '',
      since: '',
      why: until === null ? reason : `${reason}, until ${until} (${formatRelative(new Date(until), now)})`,
    })),
  ];
  const head = [
    ...(stop === null ? [] : [`${colors.red('stopped:')} ${stop}`]),
    `${running.length} of ${atMost} places taken, ${waiting.length} waiting`,
  ];
  if (lines.length === 0) return [...head.slice(0, -1), `no heavy work, ${atMost} places free`].join('\n');
  const table = renderTable<Line>(
    lines,
    [
      { title: 'PLACE', get: ({ place }) => place },
      { title: 'WORK', get: ({ work }) => colors.bold(work) },
      { title: 'PRIORITY', get: ({ priority }) => priority },
      { title: 'SINCE', get: ({ since }) => since },
      { title: 'WHY', get: ({ why }) => why },
    ],
    colors.dim,
  );
  return [...head, '', table].join('\n');
}
