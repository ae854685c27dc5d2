import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package's version: two levels up from src/cli and from dist/cli alike. */
export function packageVersion(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
