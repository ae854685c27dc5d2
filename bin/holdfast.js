#!/usr/bin/env node
// Finds a Node that is new enough (24) before anything else is loaded: the system's, or the one npm installed beside us.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const major = Number(process.versions.node.split('.')[0]);
if (major >= 24) {
  require('../dist/cli/main.js');
} else {
  const local = join(__dirname, '..', 'node_modules', '.bin', 'node');
  if (!existsSync(local) || process.env.HOLDFAST_REEXEC) {
    process.stderr.write(`holdfast needs Node 24 or newer; this is ${process.version}\n`);
    process.exit(2);
  }
  const child = spawnSync(local, [__filename, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, HOLDFAST_REEXEC: '1' },
  });
  process.exit(child.status ?? (child.signal ? 128 + 15 : 1));
}
