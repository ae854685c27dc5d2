import { CancelledFailure } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { withHeartbeat } from '../../../src/activities/heartbeat';

const environment = () =>
  new MockActivityEnvironment({ heartbeatTimeoutMs: 200 }, { logger: new DefaultLogger('ERROR') });

test('heartbeats go out on their own timer and carry what was reported last', async () => {
  const env = environment();
  const beats: unknown[] = [];
  env.on('heartbeat', (details) => beats.push(details));
  await env.run(() =>
    withHeartbeat(
      async ({ report }) => {
        report({ rows: 1 });
        while (beats.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
        report({ rows: 2 });
      },
      { everyMs: 10 },
    ),
  );
  expect(beats).toContainEqual({ rows: 1 });
  expect(beats.at(-1)).toEqual({ rows: 2 });
});

test('cancellation aborts the work, and whatever the work throws then, the cancellation is what is reported', async () => {
  const env = environment();
  const run = env.run(() =>
    withHeartbeat(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('socket closed')))),
    ),
  );
  env.cancel('CANCELLED');
  await expect(run).rejects.toBeInstanceOf(CancelledFailure);
});

test('a shutdown of the worker fails the attempt so that it is tried elsewhere', async () => {
  const env = environment();
  const run = env.run(() =>
    withHeartbeat(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone')))),
    ),
  );
  env.cancel('WORKER_SHUTDOWN', {
    cancelRequested: false,
    notFound: false,
    paused: false,
    timedOut: false,
    workerShutdown: true,
    reset: false,
  } as never);
  await expect(run).rejects.toMatchObject({ code: 'RUN_WORKER_STOPPING', retryable: true });
});

test('an attempt that stood still for longer than its heartbeat timeout stops itself', async () => {
  const env = environment();
  const run = env.run(() =>
    withHeartbeat(
      async ({ signal }) => {
        // What SIGSTOP does to a process: nothing of it runs for a while.
        const until = performance.now() + 400;
        while (performance.now() < until);
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('late'))));
      },
      { everyMs: 20 },
    ),
  );
  await expect(run).rejects.toMatchObject({ code: 'RUN_ATTEMPT_STALE', retryable: true });
});

test('an error of the work itself is passed on', async () => {
  await expect(environment().run(() => withHeartbeat(() => Promise.reject(new Error('disk full'))))).rejects.toThrow(
    'disk full',
  );
});
