import { EXIT } from './exit-codes';
import { printError } from './command';
import { createUi } from './output/ui';
import { runCli } from './run';
import { beginWorker } from './worker-process';

beginWorker();

/** Signals within this time are one. Milliseconds. */
const SAME_SIGNAL_MS = 500;

/** First signal: the command ends in its own time (detaches, stops its children). Second: this process ends at once. */
function interruptible(): AbortSignal {
  const controller = new AbortController();
  let askedAt: number | null = null;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      // Ctrl-C may arrive twice at once: from the terminal and from the wrapper in bin/.
      if (askedAt !== null && name === 'SIGINT' && Date.now() - askedAt > SAME_SIGNAL_MS)
        process.exit(EXIT.interrupted);
      askedAt ??= Date.now();
      controller.abort(name);
    });
  }
  // The wrapper in bin/ was killed: nobody reads the answer any more.
  process.once('disconnect', () => controller.abort('SIGHUP'));
  process.channel?.unref();
  return controller.signal;
}

// A reader that goes away (`holdfast backup list | head`) is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

// Told by the wrapper in bin/ to this process alone.
delete process.env.HOLDFAST_REEXEC;

const signal = interruptible();
runCli(process.argv.slice(2), signal).then(
  (code) => {
    process.exitCode = code;
    // What an interrupted command still waits for (a service that does not answer) must not hold the terminal.
    if (signal.aborted) process.exit(code);
  },
  (error: unknown) => {
    const argv = process.argv.slice(2);
    process.exitCode = printError(
      createUi({ json: argv.includes('--json'), verbose: argv.includes('--verbose') }),
      error,
    );
  },
);
