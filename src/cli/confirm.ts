import { createInterface } from 'node:readline/promises';
import { cliError } from '../errors/cli';
import type { Ui } from './output/ui';

export interface Confirmation {
  /** What will be lost, one sentence: "this drops the database shop on standby and all that is in it". */
  readonly danger: string;
  /** What must be typed. */
  readonly name: string;
  /** `--confirm NAME`, for scripts. */
  readonly given: string | undefined;
}

/**
 * Asks for the name to be typed before data is destroyed. `--yes` never stands in for it; a script passes the same name
 * with `--confirm`. Throws CLI_CONFIRMATION_REQUIRED unless it is exactly the name.
 */
export async function confirmTyped(ui: Ui, confirmation: Confirmation): Promise<void> {
  const { danger, name, given } = confirmation;
  if (given !== undefined) {
    if (given === name) return;
    throw cliError('CLI_CONFIRMATION_REQUIRED', 'the confirmation names something else', {
      context: { expected: name, given },
    });
  }
  if (!ui.interactive) throw cliError('CLI_CONFIRMATION_REQUIRED', danger, { context: { confirm: name } });
  ui.err.write(`${ui.errColors.yellow(danger)}\n`);
  const answer = await ask(ui, `Type ${ui.errColors.bold(name)} to go on: `);
  if (answer !== name)
    throw cliError('CLI_CONFIRMATION_REQUIRED', 'not confirmed: nothing was changed', { context: { expected: name } });
}

/** A yes-or-no question for steps that can be undone. `--yes`, or nobody to ask, means yes only when `yes` is set. */
export async function confirmYes(ui: Ui, question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!ui.interactive) {
    throw cliError('CLI_CONFIRMATION_REQUIRED', question, { hint: 'pass --yes to go on without being asked' });
  }
  const answer = await ask(ui, `${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer))
    throw cliError('CLI_CONFIRMATION_REQUIRED', 'not confirmed: nothing was changed', { hint: 'answer y to go on' });
}

async function ask(ui: Ui, prompt: string): Promise<string> {
  const lines = createInterface({ input: ui.input, output: ui.err });
  try {
    return (await lines.question(prompt)).trim();
  } finally {
    lines.close();
  }
}
