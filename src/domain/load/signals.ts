/** What samplers measure: the names of the signals, their units, and which values cannot be true. Pure. */

/** How a value is read and shown. `share` is 0..1; rates are per second. */
export type SignalUnit = 'count' | 'share' | 'ms' | 'bytes' | 'bytesPerSecond' | 'perSecond' | 'perCore' | 'any';

export interface SignalFacts {
  readonly unit: SignalUnit;
  /** Which direction hurts; `neither` is kept for reports and never limits a pace by itself. */
  readonly worse: 'higher' | 'lower' | 'neither';
  /** For people, lower case: "CPU of the host". */
  readonly label: string;
}

const facts = (unit: SignalUnit, worse: SignalFacts['worse'], label: string): SignalFacts => ({ unit, worse, label });

/** Every named signal. Those of Prometheus queries are named `prometheus:<name>` and are not in this table. */
export const SIGNALS = {
  // PostgreSQL: the server of the database that is backed up. Our own sessions are not counted, except where said.
  sessionsActive: facts('count', 'higher', 'active sessions'),
  sessionsIdleInTransaction: facts('count', 'higher', 'sessions idle in transaction'),
  sessionsWaiting: facts('count', 'higher', 'sessions that wait for anything'),
  poolUse: facts('share', 'higher', 'connections of max_connections, ours included'),
  lockWaiters: facts('count', 'higher', 'sessions that wait for a lock'),
  waitersBehindUs: facts('count', 'higher', 'sessions that wait for a lock of ours'),
  commitsPerSecond: facts('perSecond', 'neither', 'commits'),
  rollbacksPerSecond: facts('perSecond', 'higher', 'rollbacks'),
  rowsPerSecond: facts('perSecond', 'neither', 'rows read and written'),
  blocksReadPerSecond: facts('perSecond', 'higher', 'blocks read from disk'),
  cacheHit: facts('share', 'lower', 'blocks found in the cache'),
  tempBytesPerSecond: facts('bytesPerSecond', 'higher', 'temporary files'),
  longestTransactionMs: facts('ms', 'higher', 'longest transaction'),
  oldestXminAgeMs: facts('ms', 'higher', 'age of the oldest snapshot that we hold'),
  replicationLagBytes: facts('bytes', 'higher', 'replication lag'),
  replicationLagMs: facts('ms', 'higher', 'replication delay'),
  slotBytes: facts('bytes', 'higher', 'WAL that the slots hold back'),
  checkpointWriteMs: facts('ms', 'higher', 'checkpoint writing per second'),
  ioReadMs: facts('ms', 'higher', 'one read of a block'),
  ioWriteMs: facts('ms', 'higher', 'one write of a block'),
  statementMeanMs: facts('ms', 'higher', 'mean statement'),
  backendCpuWaitMs: facts('ms', 'higher', 'wait of a backend for a CPU'),
  probeLatencyMs: facts('ms', 'higher', 'probe query'),
  // The machine that the sampler runs on; its CPU is the host's where the database runs there too, else the worker's.
  hostCpu: facts('share', 'higher', 'CPU of the host'),
  hostIoWait: facts('share', 'higher', 'I/O wait of the host'),
  workerCpu: facts('share', 'higher', "CPU of the worker's machine"),
  workerIoWait: facts('share', 'higher', "I/O wait of the worker's machine"),
  hostMemory: facts('share', 'higher', 'memory of the host in use'),
  hostLoad: facts('perCore', 'higher', 'load of the host per core'),
  diskBytesPerSecond: facts('bytesPerSecond', 'higher', 'disks of the host'),
  networkBytesPerSecond: facts('bytesPerSecond', 'higher', 'network of the host'),
  containerCpu: facts('share', 'higher', "CPU of the container's limit"),
  containerMemory: facts('share', 'higher', "memory of the container's limit"),
  workerMemoryBytes: facts('bytes', 'higher', 'memory of the worker'),
  // The application.
  httpLatencyMs: facts('ms', 'higher', 'response of the application'),
  httpFailures: facts('share', 'higher', 'failed probes of the application'),
  // The running copy.
  storeUploadBytesPerSecond: facts('bytesPerSecond', 'neither', 'upload'),
  storeLatencyMs: facts('ms', 'higher', 'request to a store'),
} as const satisfies Readonly<Record<string, SignalFacts>>;

export type KnownSignal = keyof typeof SIGNALS;
export type SignalName = KnownSignal | `prometheus:${string}`;
export const KNOWN_SIGNALS = Object.keys(SIGNALS) as readonly KnownSignal[];

/** The sampler of the server that is backed up. */
export const DATABASE_SOURCE = 'postgres';

/** What one sampler measured at one instant. Absent signals were not measured, which is no failure. */
export interface LoadSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The sampler, as configured: `postgres`, `host`, `http:shop`, `prometheus`, `store:s3-a`. */
  readonly source: string;
  readonly signals: Readonly<Partial<Record<SignalName, number>>>;
}

/** `lied`: it answered with values that cannot be true. `denied`: the role may not see them. */
export type SamplerFailureKind = 'failed' | 'hung' | 'lied' | 'denied';
export const SAMPLER_FAILURE_KINDS: readonly SamplerFailureKind[] = ['failed', 'hung', 'lied', 'denied'];

export interface SamplerFailure {
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly kind: SamplerFailureKind;
  /** A fact, lower case, without secrets or query texts. */
  readonly message: string;
}

/** The name of a Prometheus query in the configuration. */
const PROMETHEUS = /^prometheus:[a-z0-9][a-z0-9_-]{0,62}$/;

export function isSignalName(name: string): name is SignalName {
  return Object.hasOwn(SIGNALS, name) || PROMETHEUS.test(name);
}

/** A Prometheus query gives any number that is not negative; more of it is worse. */
export function signalFacts(name: SignalName): SignalFacts {
  if (Object.hasOwn(SIGNALS, name)) return SIGNALS[name as KnownSignal];
  return facts('any', 'higher', name.slice('prometheus:'.length));
}

/** Shares are sums of several counters that are read one after another: a hair above 1 is rounding, not a lie. */
const SHARE_SLACK = 0.01;

/** Why the value cannot be true, lower case; null when it may be. */
export function validateSignal(name: string, value: unknown): string | null {
  if (!isSignalName(name)) return `${name} is not a signal`;
  if (typeof value !== 'number' || Number.isNaN(value)) return `${name} is not a number`;
  if (!Number.isFinite(value)) return `${name} is infinite`;
  if (value < 0) return `${name} is negative`;
  if (signalFacts(name).unit === 'share' && value > 1 + SHARE_SLACK) return `${name} is a share above 1`;
  return null;
}

export interface SampleClock {
  /** The clock of whoever takes the sample in. Milliseconds since the epoch. */
  readonly now: number;
  /** How far ahead of it a sample may be dated. @default 5 s */
  readonly aheadMs?: number;
  /** How old a sample may be when it comes in. @default 5 min */
  readonly oldMs?: number;
}

export interface CheckedSample {
  /** With the values that may be true; null when none is left. */
  readonly sample: LoadSample | null;
  /** One failure of the kind `lied` for all that was refused; null when nothing was. */
  readonly failure: SamplerFailure | null;
}

/**
 * Keeps what may be true of a sample and names what was refused. A date ahead of the clock, or long behind it, is a clock that
 * jumped: nothing of that sample counts, because it would win over, or lose to, samples that are right.
 */
export function checkSample(sample: LoadSample, clock: SampleClock): CheckedSample {
  const { now, aheadMs = 5_000, oldMs = 300_000 } = clock;
  const lied = (message: string): SamplerFailure => ({ source: sample.source, at: now, kind: 'lied', message });
  if (!Number.isFinite(sample.at) || sample.at < 0) return { sample: null, failure: lied('the time is not a time') };
  if (sample.at > now + aheadMs)
    return { sample: null, failure: lied(`the clock jumped: ${Math.round((sample.at - now) / 1_000)} s ahead`) };
  if (sample.at < now - oldMs)
    return { sample: null, failure: lied(`the clock jumped: ${Math.round((now - sample.at) / 1_000)} s behind`) };
  const kept: Partial<Record<SignalName, number>> = {};
  const refused: string[] = [];
  for (const [name, value] of Object.entries(sample.signals)) {
    const fault = validateSignal(name, value);
    if (fault !== null) refused.push(fault);
    else kept[name as SignalName] = signalFacts(name as SignalName).unit === 'share' ? Math.min(1, value!) : value;
  }
  return {
    sample: Object.keys(kept).length > 0 ? { ...sample, signals: kept } : null,
    failure: refused.length > 0 ? lied(refused.slice(0, 5).join(', ')) : null,
  };
}
