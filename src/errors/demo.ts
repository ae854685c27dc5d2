import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** What the demo says when something is not as it promises. */
export const DEMO_ERRORS = {
  DEMO_FOLDER_IN_USE: {
    summary: 'a demo is running in this folder',
    hint: 'End it with Ctrl-C, or give another folder with --folder.',
    retryable: false,
    fault: 'environment',
  },
  DEMO_FOLDER_FOREIGN: {
    summary: 'the folder is not empty, and no demo made it',
    hint: 'Give another folder with --folder.',
    retryable: false,
    fault: 'environment',
  },
  DEMO_WORKER_FAILED: {
    summary: 'the worker did not start',
    hint: 'Read its log, which the message names.',
    retryable: true,
    fault: 'environment',
  },
  DEMO_BACKUP_FAILED: {
    summary: 'a backup did not do what it should',
    hint: 'Run the demo again without --exit and look at the run in the Web UI.',
    retryable: true,
    fault: 'not-tested',
  },
  DEMO_OUTAGE_FAILED: {
    summary: 'the outage of a store did not go as it should',
    hint: 'Run the demo again without --exit and look at the run in the Web UI.',
    retryable: true,
    fault: 'not-tested',
  },
  DEMO_LOAD_FAILED: {
    summary: 'the pace did not follow the load as it should',
    hint: 'Run the demo again on a quieter machine, or with a larger --size; `holdfast load show` says what the watch saw.',
    retryable: true,
    fault: 'not-tested',
  },
  DEMO_COMMAND_FAILED: {
    summary: 'a command did not end well',
    hint: 'Give the command yourself, with --verbose, while the demo is up.',
    retryable: true,
    fault: 'not-tested',
  },
  DEMO_PAUSE_FAILED: {
    summary: 'the pause did not do what it should',
    hint: 'Run the demo again with a larger --size, so that there is time to pause.',
    retryable: true,
    fault: 'not-tested',
  },
  DEMO_NOT_EQUAL: {
    summary: 'the restored database differs from the one that was lost',
    hint: 'This is a defect: keep the demo’s folder and report it.',
    retryable: false,
    fault: 'data',
  },
} satisfies Record<string, ErrorDefinition>;

export const demoError = errorFactory(DEMO_ERRORS);
