import { Argument, type Command } from 'commander';
import { action, type Verb } from '../command';
import { completionScript, SHELLS, type Shell } from '../completion-script';

export const completion: Verb = (parent, cli) =>
  parent
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .description('print a completion script')
    .addHelpText(
      'after',
      `
Install:
  bash  holdfast completion bash > /etc/bash_completion.d/holdfast
  zsh   holdfast completion zsh > "\${fpath[1]}/_holdfast"
  fish  holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
    )
    .action(
      action(cli, 'none', (_context, _options, shell: Shell) => {
        const text = completionScript(rootOf(parent), shell);
        return Promise.resolve({ data: { shell, text }, text: text.trimEnd() });
      }),
    );

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
