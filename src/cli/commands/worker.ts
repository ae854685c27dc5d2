import { InvalidArgumentError, Option } from 'commander';
import { action, type Verb } from '../command';
import { load, secrets } from '../lazy';
import { QUEUE_KINDS, type QueueKind } from '../../workflows/ids';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

interface WorkerOptions {
  readonly queues?: readonly QueueKind[];
  readonly logLevel: (typeof LEVELS)[number];
}

function queuesArgument(text: string, previous: readonly QueueKind[] = []): readonly QueueKind[] {
  const kinds = text.split(',').filter((part) => part !== '');
  const wrong = kinds.find((kind) => !(QUEUE_KINDS as readonly string[]).includes(kind));
  if (wrong !== undefined || kinds.length === 0)
    throw new InvalidArgumentError(`Write some of ${QUEUE_KINDS.join(', ')}.`);
  return [...new Set([...previous, ...(kinds as QueueKind[])])];
}

export const worker: Verb = (parent, cli) =>
  parent
    .command('worker')
    .description('do the work: join a Temporal cluster and take work from its queues until it is told to stop')
    .option('--queues <kinds>', `only some of ${QUEUE_KINDS.join(', ')}; repeat or separate by commas`, queuesArgument)
    .addOption(new Option('--log-level <level>', 'of the JSON lines on standard error').choices(LEVELS).default('info'))
    .addHelpText(
      'after',
      `
On SIGTERM or Ctrl-C it takes no more work, hands over what it has within worker.shutdownGrace, and ends.

Examples:
  holdfast worker
  holdfast worker --queues dump                 # beside the database
  holdfast worker --queues verify,restore       # on a machine that holds an identity`,
    )
    .action(
      action<WorkerOptions>(
        cli,
        'none',
        async (context, options) => {
          const config = await context.config();
          await load.worker().runWorker({
            config,
            secrets,
            signal: context.signal,
            log: { level: options.logLevel },
            ...(options.queues === undefined ? {} : { queues: options.queues }),
            onReady: () =>
              context.ui.note(`working for ${config.temporal.address}, namespace ${config.temporal.namespace}`),
          });
          return { data: { stopped: true }, text: '' };
        },
        { patient: true },
      ),
    );
