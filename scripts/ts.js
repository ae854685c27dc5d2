// Runs a TypeScript file of this checkout: `node scripts/ts.js scripts/some.ts …`. Types are stripped by SWC, not checked.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { resolve } = require('node:path');
const { transformSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  });
  module._compile(code, filename);
};

process.setSourceMapsEnabled(true);
const script = resolve(process.argv[2]);
process.argv.splice(1, 2, script);
// Loaded as the main module, so that `require.main === module` is true in it.
Module._load(script, null, true);
