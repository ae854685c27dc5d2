/** What restore and recover let a person choose alike: parts, owners, grants, and what becomes of what stands in the target. */
import type { Command } from 'commander';
import { countArgument, listArgument, ownersArgument, type Owners } from './arguments';

export interface RestoreChoices {
  readonly schema?: readonly string[];
  readonly table?: readonly string[];
  readonly owners: Owners;
  readonly acls: boolean;
  readonly jobs: number;
  readonly replace?: boolean;
  readonly confirm?: string;
}

/** Adds them to a command. */
export function restoreChoices(command: Command): Command {
  return command
    .option('--schema <names>', 'only these schemas; repeat or separate by commas', listArgument)
    .option('--table <names>', 'only these tables, as schema.table; repeat or separate by commas', listArgument)
    .option('--owners <how>', 'keep, omit, or map:ROLE', ownersArgument, 'keep' as Owners)
    .option('--no-acls', 'leave grants out')
    .option('-j, --jobs <count>', 'parallel jobs', countArgument, 2)
    .option('--replace', 'drop what stands in the target first; asks for its name to be typed')
    .option('--confirm <name>', 'the name of the database that --replace drops, instead of typing it');
}

/** As whoever restores takes them. */
export function chosen({ schema, table, owners, acls, jobs }: RestoreChoices) {
  return {
    schemas: schema ?? [],
    tables: table ?? [],
    owners,
    acls: acls ? ('keep' as const) : ('omit' as const),
    jobs,
  };
}
