import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorDefinition } from '../../../../src/errors/holdfast-error';

const FOLDER = join(__dirname, '..', '..', '..', '..', 'src', 'errors');

export interface KnownError extends ErrorDefinition {
  readonly code: string;
  /** File in src/errors without its ending. */
  readonly area: string;
}

/** Every error of every table in src/errors, by area and code. */
export function allErrors(): readonly KnownError[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .flatMap((file) => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- whichever tables there are
      const exports = require(join(FOLDER, file)) as Record<string, unknown>;
      return Object.entries(exports)
        .filter(([name]) => name.endsWith('_ERRORS'))
        .flatMap(([, table]) =>
          Object.entries(table as Record<string, ErrorDefinition>).map(([code, definition]) => ({
            ...definition,
            code,
            area: file.replace(/\.ts$/, ''),
          })),
        );
    });
}
