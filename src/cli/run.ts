import { CommanderError } from 'commander';
import { cliError } from '../errors/cli';
import { printError, type Cli } from './command';
import { EXIT, type ExitCode } from './exit-codes';
import { createUi } from './output/ui';
import { buildProgram } from './program';

/** Parses and runs one command line; returns the exit status. `argv` has neither node nor the script. */
export async function runCli(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const cli: Cli = {
    signal,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  try {
    await buildProgram(cli).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version that were asked for; commander has printed them.
    if (error.exitCode === 0) return EXIT.ok;
    // A group without a verb: its help stands on standard error.
    if (error.code === 'commander.help') return EXIT.usage;
    const ui = createUi({ json: argv.includes('--json'), color: !argv.includes('--no-color') });
    return printError(ui, usageError(error));
  }
}

/** `unknown option '--al'` and commander's "(Did you mean --all?)" as fact and hint. */
function usageError(error: CommanderError) {
  const [fact = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint = suggestion?.replace(/^\((.*)\)$/, '$1');
  return cliError('CLI_USAGE', fact, hint === undefined ? {} : { hint });
}
