/** The table of commands and roles in docs/access.md, made from what the commands declare. */
import type { Command } from 'commander';
import { rolesThatMeet, type Need } from '../domain/access';
import { GuardedCommand } from './command';
import { commandPath, leafCommands } from './reference';

/** One row a command: the role it needs, with which of its options another, and whose tokens do. */
export function renderRoleTable(program: Command): string {
  const rows = leafCommands(program).flatMap((command) => {
    if (!(command instanceof GuardedCommand) || command.needs === null) return [];
    const { role, with: stated = {} } = command.needs;
    const path = commandPath(command);
    return [
      row(path, role),
      ...Object.entries(stated).map(([name, need]) => row(`${path} ${flagOf(command, name)}`, need)),
    ];
  });
  return ['| command | needs | tokens that may |', '| --- | --- | --- |', ...rows].join('\n');
}

function row(command: string, need: Need): string {
  const [role, who] = need === 'none' ? ['nothing', 'anybody'] : [`\`${need}\``, rolesThatMeet(need).join(', ')];
  return `| \`${command}\` | ${role} | ${who} |`;
}

/** `dryRun` → `--dry-run`. A role that hangs on an option that is not there would never be asked for. */
function flagOf(command: Command, name: string): string {
  const option = command.options.find((known) => known.attributeName() === name);
  if (option === undefined) throw new Error(`${commandPath(command)} has no option ${name}`);
  return option.long ?? option.flags;
}
