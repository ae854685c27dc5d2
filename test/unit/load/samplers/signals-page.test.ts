import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KNOWN_SIGNALS } from '../../../../src/domain/load/signals';

const page = readFileSync(join(__dirname, '..', '..', '..', '..', 'docs', 'load-signals.md'), 'utf8');

test('docs/load-signals.md tells what each signal is, and names none that does not exist', () => {
  const told = page.split('\n').flatMap((line) => {
    const [, first] = line.split('|');
    return line.startsWith('| `') ? [...first!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!) : [];
  });
  expect(told.filter((name) => name !== 'prometheus:NAME').sort()).toEqual([...KNOWN_SIGNALS].sort());
});
