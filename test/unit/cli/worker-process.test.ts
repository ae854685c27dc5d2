import { workerStart } from '../../../src/cli/worker-process';

const start = (argv: string[], env: NodeJS.ProcessEnv = {}) =>
  workerStart({ argv: ['node', 'main.js', ...argv], execArgv: ['--enable-source-maps'], env }, '/usr/bin/node');

it('begins a worker again with flags that only count from the start', () => {
  const begun = start(['worker', '--queues', 'dump'], { HOME: '/root' });
  expect(begun?.argv).toEqual([
    '/usr/bin/node',
    '--max-semi-space-size=1',
    '--enable-source-maps',
    'main.js',
    'worker',
    '--queues',
    'dump',
  ]);
  expect(begun?.env).toMatchObject({ HOME: '/root', MALLOC_ARENA_MAX: '2' });
});

it('begins once only, and leaves every other command alone', () => {
  expect(start(['worker'], start(['worker'])!.env)).toBeNull();
  expect(start(['backup', 'run', 'worker'])).toBeNull();
  expect(start([])).toBeNull();
});

it('prefers what the operator set', () => {
  expect(start(['worker'], { MALLOC_ARENA_MAX: '8' })?.env.MALLOC_ARENA_MAX).toBe('8');
});
