import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { buildProgram } from '../../../../src/cli/program';
import { commandPath, leafCommands } from '../../../../src/cli/reference';
import { parseConfig } from '../../../../src/config/load';
import { allErrors } from '../support/all-errors';

const ROOT = join(__dirname, '..', '..', '..', '..');
const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
].map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

const program = buildProgram({ signal: new AbortController().signal, setExitCode: () => undefined });
const commands = new Map(leafCommands(program).map((command) => [commandPath(command), command]));
const groups = new Set(
  program.commands.filter((command) => command.commands.length > 0).map((command) => commandPath(command)),
);
const GLOBALS = new Set(
  program.options.flatMap((option) => [option.short, option.long].filter((flag) => flag !== undefined)),
);

/** `holdfast …` as it stands in code, up to the end of the command. */
function mentioned(text: string): readonly string[] {
  const fenced = [...text.matchAll(/```(?:sh|bash|console|text)?\n([\s\S]*?)```/g)].flatMap((block) =>
    block[1]!.replaceAll('\\\n', ' ').split('\n'),
  );
  const inline = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map((match) =>
    match[1]!.replaceAll('\n', ' '),
  );
  return [...fenced, ...inline].flatMap((line) => {
    const match = /(?:^|\s|npx )(holdfast [a-z][^#|;&>]*)/.exec(line.replace(/^\$ /, ''));
    return match ? [match[1]!.trim()] : [];
  });
}

test.each(PAGES)('$file names only commands and options that exist', ({ text }) => {
  for (const line of mentioned(text)) {
    const words = line.split(/\s+/).map((word) => word.replace(/[.,:)\]]+$/, ''));
    const three = words.slice(0, 3).join(' ');
    const two = words.slice(0, 2).join(' ');
    // Prose such as `holdfast backup …`, or several verbs at once.
    if (groups.has(two) && (words[2] === undefined || /[|…]/.test(words[2]))) continue;
    const command = commands.get(three) ?? commands.get(two);
    expect({ line, known: command !== undefined }).toEqual({ line, known: true });
    const flags = new Set([...GLOBALS, '--help', ...command!.options.flatMap((option) => [option.short, option.long])]);
    const used = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]!);
    expect({ line, unknown: used.filter((flag) => !flags.has(flag)) }).toEqual({ line, unknown: [] });
  }
});

test.each(PAGES)('$file links to files that exist', ({ file, text }) => {
  const prose = text.replace(/```[\s\S]*?```/g, '');
  const links = [...prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1]!)
    .filter((link) => !/^[a-z]+:/.test(link));
  const missing = links.filter((link) => !existsSync(resolve(ROOT, dirname(file), link)));
  expect(missing).toEqual([]);
});

test.each(PAGES)('$file names only error codes that exist', ({ text }) => {
  const known = allErrors().map((error) => error.code);
  const areas = [...new Set(known.map((code) => code.split('_')[0]!))].join('|');
  const codes = [...text.matchAll(new RegExp(`\`((?:${areas})_[A-Z0-9_]+)\``, 'g'))].map((match) => match[1]!);
  expect(codes.filter((code) => !known.includes(code) && !/_(BIN|CONFIG|CACHE|URL)$/.test(code))).toEqual([]);
});

test.each(PAGES)('every whole configuration in $file is valid', ({ file, text }) => {
  const configs = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)]
    .map((match) => match[1]!)
    .filter((yaml) => /^version:/m.test(yaml));
  for (const yaml of configs) expect(parseConfig(yaml, join(ROOT, file))).toMatchObject({ ok: true });
});

test('the commands of the README exist in package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = PAGES.flatMap(({ text }) =>
    [...text.matchAll(/npm (?:run )?(test|start|[a-z]+:[a-z:]+|(?<=run )[a-z-]+)/g)].map((match) => match[1]!),
  );
  expect(named).toEqual(expect.arrayContaining(['test', 'demo']));
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
