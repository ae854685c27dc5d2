#!/usr/bin/env node
// Finds a Node that is new enough (24) before anything else is loaded: the system's, or the one npm installed beside us.
const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const { constants } = require('node:os');
const { join } = require('node:path');

const major = Number(process.versions.node.split('.')[0]);
if (major >= 24) {
  require('../dist/cli/main.js');
} else {
  // The platform's own binary; `.bin/node` may be a script that would not pass signals on.
  const local = join(__dirname, '..', 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(local) || process.env.HOLDFAST_REEXEC) {
    process.stderr.write(`holdfast needs Node 24 or newer; this is ${process.version}\n`);
    process.exit(2);
  }
  const { workerStart } = require('../dist/cli/worker-process.js');
  const { argv, env } = process;
  const start = workerStart({ argv: [argv[0], __filename, ...argv.slice(2)], execArgv: [], env }, local);
  const child = spawn(local, start ? start.argv.slice(1) : [__filename, ...argv.slice(2)], {
    // The channel carries nothing: the child sees it close when this process is killed without a chance to say so.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...(start ? start.env : env), HOLDFAST_REEXEC: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`holdfast cannot start ${local}: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}
