import { once } from 'node:events';
import { cliError } from '../../errors/cli';
import { isHoldfastError } from '../../errors/holdfast-error';
import { Supervisor } from '../../provision';
import { formatBytes, formatDuration } from '../output/format';
import { reportError } from '../output/errors';
import { createProgress } from '../output/progress';
import { createUi } from '../output/ui';
import { CLOSING_COMMANDS, closingCommands, LOAD_COMMANDS } from './closing';
import { startServers, startWorker } from './environment';
import { freshFolder } from './folder';
import { rulesUnderLoad, trafficOf } from './load/prepare';
import { fullRate } from './load/rules';
import { tellLoadStory } from './load/story';
import { DEMO_USAGE, parseDemoOptions, type DemoOptions } from './options';
import type { DemoResult } from './result';
import { sourceDatabase } from './source-database';
import { storesWell } from './stores-well';
import { tellStory, type StoryOptions, type StoryRecord } from './story';

/** `interrupt` aborts without a reason for Ctrl-C, with an error for a fault that nobody caught. */
async function runDemo(options: DemoOptions, interrupt: AbortSignal): Promise<DemoResult> {
  // What is said goes to standard error, so that standard output is the JSON line alone.
  const ui = createUi({ out: options.json ? process.stderr : process.stdout });
  const colors = ui.errColors;
  const view = createProgress(ui);
  const startedAt = Date.now();
  const say = (line: string) => view.say(`  ${line}`.trimEnd());
  const heading = (line: string) => view.say(`\n${colors.bold(line)}`);
  const supervisor = new Supervisor();
  const record: StoryRecord = { backups: [], restore: null, pause: null, outage: null, load: null, links: [] };
  let error: DemoResult['error'];
  try {
    await freshFolder(options.folder);
    const setup = { folder: options.folder, say, signal: interrupt, supervisor };
    heading('Find or install what the demo needs');
    const servers = await startServers(setup);
    heading('Make a shop’s database');
    const source = sourceDatabase(servers, interrupt);
    say(`${formatBytes(await source.fill(options.megabytes, say))} on disk`);
    if (options.load) servers.configure(await rulesUnderLoad(servers, options, say, interrupt));
    heading('Start Holdfast');
    const { client, catalog, config } = await startWorker(setup, servers.configFile);
    say(`Temporal Web UI: ${servers.temporal.webUi}`);
    const { configFile } = servers;
    const story: StoryOptions = {
      ...{ client, catalog, config, view, colors, say, heading, source },
      signal: interrupt,
      megabytes: options.megabytes,
      outage: options.outage ? servers.stores : null,
    };
    const closing = { configFile, say, colors: colors.bold('x') !== 'x', signal: interrupt };
    if (options.load) {
      const traffic = await trafficOf(servers, setup);
      const { folder, megabytes } = options;
      await tellLoadStory({ ...story, traffic, folder, fullRate: fullRate(megabytes), width: ui.width }, record);
      heading('Look at the load');
      await closingCommands({ ...closing, commands: LOAD_COMMANDS });
    } else {
      await tellStory(story, record);
      heading('Look at the stores');
      await storesWell({ catalog, config, signal: interrupt });
      await closingCommands({ ...closing, commands: CLOSING_COMMANDS });
    }
    heading(`Done in ${formatDuration(Date.now() - startedAt)}`);
    for (const { what, url } of record.links) say(`${what}: ${url}`);
    say(`configuration: ${configFile}`);
    say(`try: npx holdfast --config ${configFile} backup list`);
    if (!options.exit) {
      say('Everything stays up until Ctrl-C.');
      if (!interrupt.aborted) await once(interrupt, 'abort');
    }
  } catch (cause) {
    const { code, message, hint } = reportError(interrupt.aborted ? interrupt.reason : cause);
    error = { code, message, hint };
    view.stop();
    say(colors.red(`${code}: ${message}`));
    if (hint) say(`hint: ${hint}`);
  } finally {
    view.stop();
    for (const failure of await supervisor.stopAll()) say(`not ended cleanly: ${failure}`);
  }
  const { backups, restore, pause } = record;
  const outage = options.outage ? { outage: record.outage?.facts ?? null } : {};
  const load = options.load ? { load: record.load } : {};
  return { ok: error === undefined, backups, restore, pause, ...outage, ...load, ...(error ? { error } : {}) };
}

async function main(): Promise<number> {
  const options = parseDemoOptions(process.argv.slice(2), process.env, process.cwd());
  if (!options) {
    console.log(DEMO_USAGE);
    return 0;
  }
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interrupt.abort(cliError('CLI_INTERRUPTED', 'interrupted')));
  // The servers have to be ended whatever happens.
  for (const name of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(name, (error) => interrupt.abort(error));
  const result = await runDemo(options, interrupt.signal);
  if (options.json) console.log(JSON.stringify(result));
  if (result.ok) return 0;
  return isHoldfastError(interrupt.signal.reason, 'CLI_INTERRUPTED') ? 130 : 1;
}

main().then(
  (code) => {
    // Handles that a client library keeps open must not keep the demo from ending.
    process.exit(code);
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  },
);
