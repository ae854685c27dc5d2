// `node test/support/run-ts.cjs FILE.ts ARGS…`: runs a TypeScript file in a process of its own, for tests that kill it.
const { readFileSync } = require('node:fs');
const { resolve } = require('node:path');
const { transformSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  });
  module._compile(code, filename);
};
const [, , file, ...args] = process.argv;
process.argv.splice(1, 2, resolve(file));
void args;
require(resolve(file));
