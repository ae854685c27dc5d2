import { Command } from 'commander';
import type { Need, Needs } from '../domain/access';
import { cliError } from '../errors/cli';
import { createContext, type CliContext, type GlobalOptions } from './context';
import { EXIT, type ExitCode } from './exit-codes';
import { admit } from './gate';
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

/** What commander calls, and the role that it asks for. */
export type Action = ((...parameters: unknown[]) => Promise<void>) & { readonly needs: Needs };

/**
 * Turns a handler into commander's action: context, answer, errors and clean-up in one place. `need` is the role that the
 * command asks for where the configuration names tokens; `none` is for the service itself, for what touches files alone,
 * and for what must work when all else is lost.
 */
export function action<O>(
  cli: Cli,
  need: Need | Needs,
  handler: Handler<O>,
  { patient = false }: ActionOptions = {},
): Action {
  const needs = typeof need === 'string' ? { role: need } : need;
  const run = async (...parameters: unknown[]) => {
    const command = parameters.at(-1) as Command;
    const globals = globalOptions(command);
    const ui = cli.ui?.(globals) ?? createUi(globals);
    const context = createContext(ui, globals, cli.signal);
    const args = parameters.slice(0, -2) as never[];
    try {
      await unlessInterrupted(admit(context, { command: pathOf(command), needs, options: command.opts() }), cli.signal);
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
  return Object.assign(run, { needs });
}

/** A command whose action says what it needs: one without is refused when the program is built. */
export class GuardedCommand extends Command {
  private stated: Needs | null = null;

  /** Null for a group, which does nothing by itself. */
  get needs(): Needs | null {
    return this.stated;
  }

  override createCommand(name?: string): GuardedCommand {
    return new GuardedCommand(name);
  }

  override action(handle: Parameters<Command['action']>[0]): this {
    if (!('needs' in handle)) throw new Error(`the command ${this.name()} does not say which role it needs`);
    this.stated = (handle as Action).needs;
    return super.action(handle);
  }
}

/** `backup delete`: without the name of the program. */
function pathOf(command: Command): string {
  const parent = command.parent?.parent ? `${pathOf(command.parent)} ` : '';
  return `${parent}${command.name()}`;
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
