import { type Command } from 'commander';
import { cliError } from '../errors/cli';
import { createContext, type CliContext, type GlobalOptions } from './context';
import { EXIT, type ExitCode } from './exit-codes';
import { errorDocument, renderError, reportError } from './output/errors';
import { createUi, type Ui } from './output/ui';

/** What a command answers: data for --json, text for people, and an exit status when it is not 0. */
export interface Answer {
  readonly data: unknown;
  /** Absent: nothing is printed for people. */
  readonly text?: string | undefined;
  readonly exitCode?: ExitCode;
}

export type Options = Readonly<Record<string, unknown>>;

/** One verb. `args` are the positional ones as commander parsed them. */
export type Handler<O = Options> = (context: CliContext, options: O, ...args: never[]) => Promise<Answer>;

/** Process-wide facts of one invocation; tests make their own. */
export interface Cli {
  readonly signal: AbortSignal;
  setExitCode(code: ExitCode): void;
  /** Test seam for streams. */
  readonly ui?: (options: GlobalOptions) => Ui;
}

/** Adds one verb to its parent and returns it. */
export type Verb = (parent: Command, cli: Cli) => Command;

export interface ActionOptions {
  /** The command ends itself after an interruption, in its own time; others are given a moment, then left. @default false */
  readonly patient?: boolean;
}

/** What a command that does not watch for an interruption itself is given to end. Milliseconds. */
const INTERRUPT_GRACE_MS = 1_500;

/** Turns a handler into commander's action: context, answer, errors and clean-up in one place. */
export function action<O>(
  cli: Cli,
  handler: Handler<O>,
  { patient = false }: ActionOptions = {},
): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command;
    const globals = globalOptions(command);
    const ui = cli.ui?.(globals) ?? createUi(globals);
    const context = createContext(ui, globals, cli.signal);
    const args = parameters.slice(0, -2) as never[];
    try {
      const work = handler(context, command.opts() as O, ...args);
      const answer = await (patient ? work : unlessInterrupted(work, cli.signal));
      printAnswer(ui, answer);
      cli.setExitCode(answer.exitCode ?? EXIT.ok);
    } catch (error) {
      cli.setExitCode(printError(ui, error));
    } finally {
      await context.close();
    }
  };
}

/** Those of the program alone: a command's own `--out` is none of its business. */
function globalOptions(command: Command): GlobalOptions {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root.opts();
}

async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(cliError('CLI_INTERRUPTED')), INTERRUPT_GRACE_MS);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

export function printAnswer(ui: Ui, answer: Answer): void {
  if (ui.json) {
    if (answer.data !== undefined) ui.out.write(`${JSON.stringify(answer.data, jsonValue, 2)}\n`);
  } else if (answer.text !== undefined && answer.text !== '') ui.out.write(`${answer.text}\n`);
}

export function printError(ui: Ui, error: unknown): ExitCode {
  const report = reportError(error);
  if (ui.json) ui.out.write(`${JSON.stringify(errorDocument(report), jsonValue, 2)}\n`);
  else ui.err.write(`${renderError(report, ui.errColors, ui.verbose)}\n`);
  return report.exitCode;
}

/** BigInts appear in answers of PostgreSQL and Temporal; JSON has none. */
function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
