/** The port of everything that measures load. */
import type { SamplerFailureKind, SignalName } from '../../domain/load/signals';
import { isHoldfastError } from '../../errors/holdfast-error';

export type Signals = Partial<Record<SignalName, number>>;

/** Why a part of what a sampler measures is missing from this reading. */
export interface SamplerProblem {
  readonly kind: SamplerFailureKind;
  /** A fact, lower case, without secrets, query texts, names of users or paths. */
  readonly message: string;
}

export interface SamplerReading {
  /** What could be measured. Rates are absent from the first reading: they need two. */
  readonly signals: Readonly<Signals>;
  /** What could not, while the rest could. */
  readonly problems: readonly SamplerProblem[];
}

export interface Sampler {
  /** Unique among the samplers of a set: `postgres`, `host`, `http:shop`, `prometheus`, `store:s3-a`. */
  readonly source: string;
  /**
   * Measures once; not called again before the last call has settled. Stops soon after `signal` is aborted, with any rejection.
   * @throws SAMPLER_FAILED, SAMPLER_DENIED, SAMPLER_LIED, SAMPLER_HUNG when nothing could be measured
   */
  sample(signal: AbortSignal): Promise<SamplerReading>;
  /** Ends connections and what else it holds; never fails, and may be called twice. */
  close(): Promise<void>;
}

const KINDS: Readonly<Record<string, SamplerFailureKind>> = {
  SAMPLER_DENIED: 'denied',
  SAMPLER_LIED: 'lied',
  SAMPLER_HUNG: 'hung',
  SAMPLER_FAILED: 'failed',
};

/** What a sampler's rejection says. Errors that are not of the samplers' own table give no text away but their class. */
export function problemOf(error: unknown): SamplerProblem {
  if (isHoldfastError(error)) {
    const kind = KINDS[error.code];
    return kind ? { kind, message: error.message } : { kind: 'failed', message: `it failed with ${error.code}` };
  }
  const name = error instanceof Error ? error.name : typeof error;
  return { kind: 'failed', message: `an unexpected fault: ${name}` };
}
