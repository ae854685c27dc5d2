/** Runs samplers side by side, each against a deadline of its own. */
import {
  checkSample,
  type LoadSample,
  type SamplerFailure,
  type SamplerFailureKind,
  SAMPLER_FAILURE_KINDS,
} from '../../domain/load/signals';
import { samplingError } from '../../errors/sampling';
import { problemOf, type Sampler, type SamplerProblem, type SamplerReading } from './sampler';

export interface SamplerSetOptions {
  /** A sampler that takes longer hangs. Milliseconds. @default 1500 */
  readonly deadlineMs?: number;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** What one round gave. Neither list is in any order. */
export interface LoadReading {
  readonly samples: readonly LoadSample[];
  readonly failures: readonly SamplerFailure[];
}

/** Since the set was made. */
export interface SamplerCounts {
  readonly source: string;
  readonly rounds: number;
  /** Rounds that gave at least one signal. */
  readonly samples: number;
  readonly failures: Readonly<Record<SamplerFailureKind, number>>;
  /** True while an attempt that missed its deadline has not ended. */
  readonly hanging: boolean;
}

export interface SamplerSet {
  readonly sources: readonly string[];
  /**
   * One round. Never rejects for a sampler's sake: who fails is named in `failures` and skipped. Rejects with the signal's
   * reason when aborted, and does not wait for samplers then.
   */
  sample(signal?: AbortSignal): Promise<LoadReading>;
  counts(): readonly SamplerCounts[];
  /** Stops what runs and closes every sampler, for at most `patienceMs` each. Never fails. @default 2000 */
  close(patienceMs?: number): Promise<void>;
}

interface Member {
  readonly sampler: Sampler;
  /** The attempt under way; it may outlive its round when it does not obey the abort. */
  running: { readonly ended: Promise<void>; readonly startedAt: number } | null;
  rounds: number;
  samples: number;
  readonly failures: Record<SamplerFailureKind, number>;
}

type Outcome = { readonly reading: SamplerReading } | { readonly problem: SamplerProblem };

/** @throws SAMPLER_DOUBLE when two samplers have the same source */
export function createSamplerSet(samplers: readonly Sampler[], options: SamplerSetOptions = {}): SamplerSet {
  const { deadlineMs = 1_500, now = Date.now } = options;
  const closing = new AbortController();
  let closed: Promise<void> | null = null;
  const members = samplers.map((sampler): Member => {
    if (samplers.some((other) => other !== sampler && other.source === sampler.source))
      throw samplingError('SAMPLER_DOUBLE', '', { context: { source: sampler.source } });
    const failures = { failed: 0, hung: 0, lied: 0, denied: 0 };
    return { sampler, running: null, rounds: 0, samples: 0, failures };
  });

  const attempt = (member: Member, round: AbortSignal): Promise<Outcome> => {
    // One that hangs is not started again: attempts would pile up on what is overloaded already.
    if (member.running) {
      const seconds = Math.max(1, Math.round((performance.now() - member.running.startedAt) / 1_000));
      const message = `its attempt of ${seconds} s ago has not ended yet`;
      return Promise.resolve({ problem: { kind: 'hung', message } });
    }
    const stop = linked(round);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const message = `no answer within ${deadlineMs} ms`;
        stop.abort(samplingError('SAMPLER_HUNG', message));
        resolve({ problem: { kind: 'hung', message } });
      }, deadlineMs);
      // The round is over for its caller then: no timer may outlive it.
      stop.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
      const settle = (outcome: Outcome) => {
        clearTimeout(timer);
        stop.unlink();
        member.running = null;
        resolve(outcome);
      };
      // Through a promise, so that one that throws at once is no different.
      const ended = Promise.resolve()
        .then(() => member.sampler.sample(stop.signal))
        .then(
          (reading) => settle({ reading }),
          (error: unknown) => settle({ problem: problemOf(error) }),
        );
      member.running = { ended, startedAt: performance.now() };
    });
  };

  const runRound = async (round: AbortSignal): Promise<LoadReading> => {
    const samples: LoadSample[] = [];
    const failures: SamplerFailure[] = [];
    await Promise.all(
      members.map(async (member) => {
        const { source } = member.sampler;
        const outcome = await attempt(member, round);
        const at = now();
        member.rounds += 1;
        const fail = ({ kind, message }: SamplerProblem) => {
          member.failures[SAMPLER_FAILURE_KINDS.includes(kind) ? kind : 'failed'] += 1;
          failures.push({ source, at, kind, message });
        };
        if ('problem' in outcome) return fail(outcome.problem);
        outcome.reading.problems.forEach(fail);
        const { sample, failure } = checkSample({ at, source, signals: outcome.reading.signals }, { now: at });
        if (failure) fail(failure);
        if (!sample) return;
        member.samples += 1;
        samples.push(sample);
      }),
    );
    return { samples, failures };
  };

  return {
    sources: members.map(({ sampler }) => sampler.source),
    sample(signal) {
      const round = linked(closing.signal, signal);
      return new Promise<LoadReading>((resolve, reject) => {
        if (round.signal.aborted) return reject(round.signal.reason);
        round.signal.addEventListener('abort', () => reject(round.signal.reason), { once: true });
        runRound(round.signal).then(resolve, reject);
      }).finally(() => round.unlink());
    },
    counts: () =>
      members.map(({ sampler, rounds, samples: given, failures, running }) => ({
        source: sampler.source,
        rounds,
        samples: given,
        failures: { ...failures },
        hanging: running !== null && performance.now() - running.startedAt > deadlineMs,
      })),
    close(patienceMs = 2_000) {
      closing.abort(samplingError('SAMPLER_FAILED', 'sampling has ended'));
      closed ??= Promise.all(members.map((member) => closeMember(member, patienceMs))).then(() => undefined);
      return closed;
    },
  };
}

/**
 * A signal that follows others until it is unlinked. `AbortSignal.any` would leave an entry with the long-lived ones for each
 * round, for weeks.
 */
function linked(...signals: readonly (AbortSignal | undefined)[]) {
  const own = new AbortController();
  const links = signals
    .filter((signal) => signal !== undefined)
    .map((signal) => {
      const follow = () => own.abort(signal.reason);
      if (signal.aborted) follow();
      else signal.addEventListener('abort', follow, { once: true });
      return () => signal.removeEventListener('abort', follow);
    });
  return {
    signal: own.signal,
    abort: (reason: unknown) => own.abort(reason),
    unlink: () => links.forEach((unlink) => unlink()),
  };
}

/** One that hangs even now is left behind. */
async function closeMember({ sampler, running }: Member, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)));
  const closed = Promise.resolve()
    .then(() => sampler.close())
    .then(() => running?.ended)
    .catch(() => undefined);
  await Promise.race([closed, patience]);
  clearTimeout(timer);
}
