import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildProgram } from '../../../../src/cli/program';
import { commandPath, leafCommands, renderReference } from '../../../../src/cli/reference';

const ROOT = join(__dirname, '..', '..', '..', '..');
const PAGE = join(ROOT, 'docs', 'cli.md');
const program = buildProgram({ signal: new AbortController().signal, setExitCode: () => undefined });

test('docs/cli.md is what the commands say of themselves', () => {
  const page = renderReference(program);
  if (process.env.UPDATE_DOCS) writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, 'utf8')).toBe(page);
});

test('every command says what it does, and so does every option', () => {
  for (const command of leafCommands(program)) {
    expect([commandPath(command), command.description()]).not.toContain('');
    for (const option of command.options)
      expect([commandPath(command), option.flags, option.description]).not.toContain('');
  }
});

test('the commands that operators were promised exist', () => {
  const paths = leafCommands(program).map((command) => commandPath(command).replace(/^holdfast /, ''));
  const promised = `backup run,backup list,backup show,backup pause,backup resume,backup pace,backup cancel,backup hold,
    backup release,backup delete,verify,verify status,restore,recover,extract,retention plan,retention apply,apply,schedule list,
    schedule pause,schedule resume,schedule trigger,schedule backfill,store list,store check,store status,store history,store diff,store usage,store cost,report compliance,store add,store drain,store activate,store retire,
    doctor,worker,up,keys init,
    keys list,keys add-recipient,keys kit,catalog rebuild,catalog audit,access token,access list,migrate,config check,config schema,config example,
    completion,init,load show,load baseline,load impact,load recommend,load capacity,queue,emergency-stop,emergency-resume`;
  expect(paths.sort()).toEqual(
    promised
      .split(',')
      .map((path) => path.trim())
      .sort(),
  );
});

test('no short option means two things in one command', () => {
  const globals = program.options.flatMap((option) => (option.short ? [option.short] : []));
  for (const command of leafCommands(program)) {
    const shorts = command.options.flatMap((option) => (option.short ? [option.short] : []));
    expect({ command: commandPath(command), shorts }).toEqual({
      command: commandPath(command),
      shorts: [...new Set(shorts)],
    });
    expect(shorts.filter((short) => globals.includes(short) || short === '-h')).toEqual([]);
  }
});
