import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderRoleTable } from '../../../../src/cli/access-reference';
import { buildProgram } from '../../../../src/cli/program';
import { ROLE_MEANINGS, ROLES } from '../../../../src/domain/access';

const PAGE = join(__dirname, '..', '..', '..', '..', 'docs', 'access.md');
const program = buildProgram({ signal: new AbortController().signal, setExitCode: () => undefined });

const START = '<!-- made from the commands: UPDATE_DOCS=1 npx jest --selectProjects unit -- cli/docs -->';
const END = '<!-- end of what is made -->';

test('docs/access.md has the role that each command declares', () => {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest = ''] = page.split(START);
  const after = rest.slice(rest.indexOf(END));
  const wanted = `${before}${START}\n\n${renderRoleTable(program)}\n\n${after}`;
  if (process.env.UPDATE_DOCS) writeFileSync(PAGE, wanted);
  expect(readFileSync(PAGE, 'utf8')).toBe(wanted);
});

test('docs/access.md says what each role is for, in the words of the code', () => {
  const page = readFileSync(PAGE, 'utf8');
  for (const role of ROLES) expect(page).toContain(`| \`${role}\` | ${ROLE_MEANINGS[role]} |`);
});
