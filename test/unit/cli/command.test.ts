import { action, GuardedCommand, type Cli } from '../../../src/cli/command';
import { buildProgram } from '../../../src/cli/program';
import { commandPath, leafCommands } from '../../../src/cli/reference';
import { ROLES, type Need } from '../../../src/domain/access';

const cli: Cli = { signal: new AbortController().signal, setExitCode: () => undefined };
const declared = leafCommands(buildProgram(cli)).map((command) => ({
  path: commandPath(command).replace(/^holdfast /, ''),
  command,
  needs: command instanceof GuardedCommand ? command.needs : null,
}));

test('every command of the program declares the role that it needs', () => {
  expect(declared.length).toBeGreaterThan(40);
  expect(declared.filter(({ needs }) => needs === null).map(({ path }) => path)).toEqual([]);
  const allowed: readonly Need[] = [...ROLES, 'none'];
  for (const { path, needs } of declared)
    for (const need of [needs!.role, ...Object.values(needs!.with ?? {})])
      expect({ path, need, known: allowed.includes(need) }).toEqual({ path, need, known: true });
});

test('a role that hangs on an option hangs on one that the command has', () => {
  for (const { path, command, needs } of declared) {
    const names = command.options.map((option) => option.attributeName());
    const missing = Object.keys(needs!.with ?? {}).filter((name) => !names.includes(name));
    expect({ path, missing }).toEqual({ path, missing: [] });
  }
});

test('without a role: the service itself, what touches files alone, and what must work when all else is lost', () => {
  const free = declared.filter(({ needs }) => needs!.role === 'none').map(({ path }) => path);
  expect(free.sort()).toEqual(
    [
      'access token',
      'completion',
      'config check',
      'config example',
      'config schema',
      'extract',
      'init',
      'keys init',
      'migrate',
      'recover',
      'up',
      'worker',
    ].sort(),
  );
});

test('a command whose action declares no role is refused when the program is built', () => {
  const program = new GuardedCommand('holdfast');
  expect(() => program.command('loose').action(() => undefined)).toThrow(/does not say which role/);
  const handler = async () => ({ data: null });
  expect(program.command('held').action(action(cli, 'view', handler))).toHaveProperty('needs', { role: 'view' });
});
