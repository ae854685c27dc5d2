import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, EXIT_MEANINGS, exitCodeOf } from '../../../../src/cli/exit-codes';
import { allErrors, type KnownError } from '../support/all-errors';

const DOCS = join(__dirname, '..', '..', '..', '..', 'docs');

const INTRODUCTION = `# Errors

Every failure has a code that stays the same. It is printed as \`error CODE: message\` with a hint below it, stands in the
\`error\` of \`--json\`, and is the type of the failure in the Temporal Web UI. Made from the tables in \`src/errors\`: after a
change, \`UPDATE_DOCS=1 npx jest --selectProjects unit -- cli/docs\` writes this page again.

*Tried again* says whether the same step may succeed later by itself: Temporal repeats those, and no others. *Exit* is the
status of the command ([exit-codes.md](exit-codes.md)).
`;

const TITLES: Readonly<Record<string, string>> = {
  access: 'Tokens and roles',
  catalog: 'Catalogue',
  cli: 'Command line',
  config: 'Configuration',
  demo: 'Demo',
  orchestration: 'Runs, schedules and workers',
  postgres: 'PostgreSQL',
  provision: 'Installing and starting servers',
  repository: 'Repository and keys',
  sampling: 'Sampling of load',
  storage: 'Stores',
  verify: 'Proof, restore and recovery',
};

function renderErrors(errors: readonly KnownError[]): string {
  const areas = [...new Set(errors.map((error) => error.area))];
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const sections = areas.map((area) => {
    const rows = errors
      .filter((error) => error.area === area)
      .map((error) => {
        const exit = exitCodeOf(error.code);
        return `| \`${error.code}\` | ${cell(error.summary)} | ${cell(error.hint)} | ${error.retryable ? 'yes' : 'no'} | ${exit} |`;
      });
    const head = '| code | what | what to do | tried again | exit |\n| --- | --- | --- | --- | --- |';
    return `## ${TITLES[area] ?? area}\n\n${head}\n${rows.join('\n')}`;
  });
  return `${INTRODUCTION}\n${sections.join('\n\n')}\n`;
}

test('docs/errors.md has every error with its hint', () => {
  const page = renderErrors(allErrors());
  const file = join(DOCS, 'errors.md');
  if (process.env.UPDATE_DOCS) writeFileSync(file, page);
  expect(readFileSync(file, 'utf8')).toBe(page);
});

test('no code stands in two tables', () => {
  const codes = allErrors().map((error) => error.code);
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
});

test('every code is stable in form and every hint says something', () => {
  for (const { code, hint, summary } of allErrors()) {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/);
    expect({ code, long: hint.length > 10 }).toEqual({ code, long: true });
    expect({ code, lower: /^[a-z0-9"]|^PostgreSQL|^[A-Z]{2,}|^Temporal/.test(summary) }).toEqual({ code, lower: true });
  }
});

test('docs/exit-codes.md lists every status with its meaning', () => {
  const page = readFileSync(join(DOCS, 'exit-codes.md'), 'utf8');
  for (const [name, code] of Object.entries(EXIT)) {
    expect(page).toContain(`| ${code} | ${EXIT_MEANINGS[name as keyof typeof EXIT]} |`);
  }
});
