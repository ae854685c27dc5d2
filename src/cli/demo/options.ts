import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** End after the summary instead of staying up. */
  readonly exit: boolean;
  /** One JSON object as the last line of standard output; everything else goes to standard error. */
  readonly json: boolean;
  /** Take a store down in the middle of the first dump, and bring it back. */
  readonly outage: boolean;
  /** Make a load in the middle of a backup, and see the pace follow. */
  readonly load: boolean;
  /** Size of the database on disk, about; megabytes. */
  readonly megabytes: number;
  /** Holds everything that the demo makes; made afresh each time. */
  readonly folder: string;
}

export const DEMO_USAGE = `Usage: npm run demo [-- --exit] [--json] [--outage | --load] [--size MEGABYTES] [--folder DIR]

Backs up a made-up shop's database with Holdfast, proves every copy, loses the database and brings it back.

  --exit            end after the summary; otherwise it all stays up, to be looked at, until Ctrl-C
  --outage          kill a store's server in the middle of the first dump, and bring it back when the run is over
  --load            users in the middle of a backup: the load watch slows it, and lets it go on when they have gone
  --json            one JSON object as the last line of standard output
  --size MEGABYTES  size of the database (default 200; also HOLDFAST_DEMO_SIZE)
  --folder DIR      where everything is kept (default ./.holdfast/demo; also HOLDFAST_DEMO_FOLDER)`;

/** Throws a plain Error with one line when an argument is wrong; null when help is asked for. */
export function parseDemoOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): DemoOptions | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      exit: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      outage: { type: 'boolean', default: false },
      load: { type: 'boolean', default: false },
      size: { type: 'string', default: env.HOLDFAST_DEMO_SIZE || '200' },
      folder: { type: 'string', default: env.HOLDFAST_DEMO_FOLDER || '.holdfast/demo' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const megabytes = Number(values.size);
  if (!Number.isInteger(megabytes) || megabytes < 5 || megabytes > 20_000)
    throw new Error(`--size is a whole number of megabytes from 5 to 20000, not ${values.size}`);
  const { exit, json, outage, load } = values;
  if (outage && load) throw new Error('--outage and --load are two stories: give one of them');
  return { exit, json, outage, load, megabytes, folder: resolve(cwd, values.folder) };
}
