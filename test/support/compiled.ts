/** Compiled copies of sources, for code that is started by the path of its file. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { transformSync } from '@swc/core';

const SRC = resolve(__dirname, '../../src');

/** Compiles `files` (paths below src, without what they import) into `folder`, in the same places. */
export function compileInto(folder: string, files: readonly string[]): void {
  for (const file of files) {
    const { code } = transformSync(readFileSync(join(SRC, file), 'utf8'), {
      filename: file,
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
      module: { type: 'commonjs' },
    });
    const target = join(folder, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
}

/** The thread that seals, and what it loads. Gives its path. */
export function compileSealThread(folder: string): string {
  const files = ['repository/seal-thread', 'repository/seal-work', 'repository/age-payload', 'domain/free-memory'];
  compileInto(
    folder,
    files.map((file) => `${file}.ts`),
  );
  return join(folder, 'repository/seal-thread.js');
}

/** The thread that opens, and what it loads. Gives its path. */
export function compileOpenThread(folder: string): string {
  const files = ['repository/open-thread', 'repository/open-work', 'repository/age-payload', 'domain/free-memory'];
  compileInto(
    folder,
    files.map((file) => `${file}.ts`),
  );
  return join(folder, 'repository/open-thread.js');
}
