/** Errors of workflows, activities, workers and the client. */
import { errorFactory, type ErrorDefinition } from './holdfast-error';

export const ORCHESTRATION_ERRORS = {
  TEMPORAL_UNREACHABLE: {
    summary: 'the Temporal server does not answer',
    hint: 'Check temporal.address, TLS and API key in holdfast.yaml; `holdfast doctor` says which of them fails, and `holdfast up` starts a server on this machine.',
    retryable: true,
    fault: 'environment',
  },
  TEMPORAL_NAMESPACE_MISSING: {
    summary: 'the Temporal namespace does not exist',
    hint: 'Create it (`temporal operator namespace create NAME`) or correct temporal.namespace in holdfast.yaml.',
    retryable: false,
    fault: 'environment',
  },
  TEMPORAL_DENIED: {
    summary: 'the Temporal server refuses this identity',
    hint: 'Check temporal.apiKey or the client certificate, and what the identity may do in the namespace.',
    retryable: false,
    fault: 'environment',
  },
  RUN_NOT_FOUND: {
    summary: 'there is no such run',
    hint: '`holdfast backup list` shows the runs; a run that ended long ago is kept by the catalogue, not by Temporal.',
    retryable: false,
    fault: 'not-tested',
  },
  RUN_NOT_ACTIVE: {
    summary: 'no backup of this database is running',
    hint: 'Start one with `holdfast backup run`, or look at `holdfast backup list`.',
    retryable: false,
    fault: 'not-tested',
  },
  RUN_NO_WORKER: {
    summary: 'no worker answers for this run',
    hint: 'Start one with `holdfast worker`; the run itself is kept by Temporal and goes on as soon as there is one.',
    retryable: true,
    fault: 'environment',
  },
  RUN_CANCELLED: {
    summary: 'the run was cancelled',
    hint: 'Nothing is left to do; start it again when you want it.',
    retryable: false,
    fault: 'not-tested',
  },
  RUN_FAILED: {
    summary: 'the run failed',
    hint: 'Its history in the Temporal Web UI and `holdfast backup show` name the step and the reason.',
    retryable: false,
    fault: 'not-tested',
  },
  RUN_PACE_NOT_CONFIRMED: {
    summary: 'the dumping worker has not confirmed the pace yet',
    hint: 'The run keeps the target and hands it on as soon as a worker dumps; look at the progress, and at whether a worker is up.',
    retryable: true,
    fault: 'environment',
  },
  RUN_LOAD_UNWATCHED: {
    summary: 'the load of this database is not watched',
    hint: 'Set load.watch in holdfast.yaml for all workers, then `holdfast apply`; the watch ends where it is not set.',
    retryable: false,
    fault: 'environment',
  },
  RUN_EMERGENCY_STOP: {
    summary: 'an emergency stop stands: no backup may start',
    hint: 'See who set it and why with `holdfast load show`; `holdfast emergency-resume` takes it back.',
    retryable: false,
    fault: 'environment',
  },
  RUN_DATABASE_UNKNOWN: {
    summary: 'the config names no such database',
    hint: 'Check the name against `databases` in the holdfast.yaml of this worker; all workers need the same file.',
    retryable: false,
    fault: 'environment',
  },
  RUN_STORE_UNKNOWN: {
    summary: 'the config names no such store',
    hint: 'Check the name against `stores` in the holdfast.yaml of this worker; all workers need the same file.',
    retryable: false,
    fault: 'environment',
  },
  RUN_NO_STORE: {
    summary: 'no store can be written to',
    hint: '`holdfast store check` says what is wrong with each; one healthy store is enough for a backup.',
    retryable: true,
    fault: 'environment',
  },
  RUN_BREAKER_OPEN: {
    summary: 'the store is left alone: its breaker is open',
    hint: '`holdfast store status` says why and since when. The copy is filled by itself when the store is back; `holdfast store check` looks at the store now.',
    retryable: false,
    fault: 'environment',
  },
  RUN_NO_GOOD_COPY: {
    summary: 'no copy of this backup can be read',
    hint: '`holdfast backup show` lists the copies; `holdfast verify` tells damaged ones from unreachable ones.',
    retryable: true,
    fault: 'data',
  },
  RUN_ATTEMPT_STALE: {
    summary: 'this attempt stood still for longer than its heartbeat timeout and gave up',
    hint: 'Another attempt goes on. If it happens often the machine is suspended, swapping, or short of CPU.',
    retryable: true,
    fault: 'environment',
  },
  RUN_RECORD_LATE: {
    summary: 'the catalogue did not take the record in time',
    hint: 'Nothing to do: the next one is newer. If it goes on, look at the catalogue with `holdfast doctor`.',
    retryable: true,
    fault: 'environment',
  },
  RUN_WORKER_STOPPING: {
    summary: 'the worker is shutting down and hands this work over',
    hint: 'Nothing to do: another worker, or this one when it is back, goes on and uploads nothing twice.',
    retryable: true,
    fault: 'environment',
  },
  WORKER_NO_QUEUES: {
    summary: 'a worker needs at least one queue',
    hint: 'Name some of workflow, dump, store, verify, restore with --queues.',
    retryable: false,
    fault: 'environment',
  },
  SCHEDULE_NOT_FOUND: {
    summary: 'there is no such schedule',
    hint: '`holdfast schedule list` shows them; `holdfast apply` makes those that the config names.',
    retryable: false,
    fault: 'environment',
  },
} satisfies Record<string, ErrorDefinition>;

export const orchestrationError = errorFactory(ORCHESTRATION_ERRORS);
