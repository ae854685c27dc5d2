/** Histories of released code replay on the code as it is: a deploy in mid-run breaks no run. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowBundle } from '../support/temporal';

const FOLDER = path.join(__dirname, 'histories');
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const MAX_EVENTS = 2_000;

// The first one waits for the workflows to be bundled.
jest.setTimeout(60_000);

beforeAll(() => Runtime.install({ logger: new DefaultLogger('ERROR') }));

test('there are histories of every situation that must survive a deploy', () => {
  const situations = ['success', 'paused-resumed', 'pause-budget', 'failed', 'cancelled', 'store-behind', 'replicate'];
  for (const situation of [
    ...situations,
    'healed',
    'request',
    'retention',
    'sweep',
    'restore',
    'rotation',
    'intact',
    'load-watch',
    'paced',
    'store-health',
    'failover',
    'blocked',
    'replicate-told',
    'replicate-waited',
    'heavy-work',
    'proof-in-turn',
    'restore-in-turn',
    'in-turn',
    'waited',
  ])
    expect(names.some((name) => name.endsWith(`-${situation}.json`))).toBe(true);
});

test.each(names)(
  '%s replays',
  async (name) => {
    const history = temporal.api.history.v1.History.fromObject(
      JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8')) as Record<string, unknown>,
    );
    expect(history.events.length).toBeLessThan(MAX_EVENTS);
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
  },
  60_000,
);
