/** `npm run build`: compiles `src` to `dist`, then bundles the workflows, so that a worker starts without a bundler. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');

function step(script: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [join(ROOT, script), ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

// The build information lies in dist, so that removing dist always means building everything again.
step(
  'node_modules/typescript/bin/tsc',
  '-p',
  'tsconfig.json',
  '--incremental',
  '--tsBuildInfoFile',
  'dist/.tsbuildinfo',
);
if (existsSync(join(ROOT, 'scripts/build-workflows.ts'))) step('scripts/ts.js', 'scripts/build-workflows.ts');
