/** The server of the database that is backed up. */
import { performance } from 'node:perf_hooks';
import { DATABASE_SOURCE } from '../../../domain/load/signals';
import { samplingError } from '../../../errors/sampling';
import { isHoldfastError } from '../../../errors/holdfast-error';
import type { Sampler, SamplerProblem, SamplerReading, Signals } from '../sampler';
import { readActivity } from './activity';
import { CounterReader } from './counters';
import { CpuWaitReader, type CpuWaitOptions } from './cpu-wait';
import { readLockWaiters } from './lock-waiters';
import { readReplication } from './replication';
import {
  openSamplingSession,
  postgresProblem,
  STATEMENT_MS,
  stateOf,
  type SamplingSession,
  type SamplingSessionOptions,
} from './session';
import { StatementReader } from './statements';

export interface PostgresSamplerOptions extends SamplingSessionOptions {
  /** @default postgres */
  readonly source?: string;
  /**
   * A statement whose time is the signal `probeLatencyMs`: read-only, short, tables named with their schema. Several times and
   * the middle one when it is quick. @default SELECT 1
   */
  readonly probeSql?: string;
  /** The mean time of a statement, where pg_stat_statements is installed. @default true */
  readonly statements?: boolean;
  /** How long backends wait for a CPU, where the server's processes can be seen. @default not measured */
  readonly cpuWait?: CpuWaitOptions;
  /**
   * What one sample may take: a group of statements that might not end by then is left out, so that what an overloaded server
   * did answer, above all how long it took, is not lost with the rest. Milliseconds. @default no limit
   */
  readonly budgetMs?: number;
  /** @default a monotonic clock */
  readonly now?: () => number;
}

/** A group of signals that the server refuses for good is left alone for so long: it would only fill the server's log. */
const REFUSED_MS = 300_000;
/** Not allowed, not supported, not there: nothing that the next try would mend. */
const REFUSALS = /^(42501|0A000|42883|42703|42P01|55000|42601)$/;
/** A probe that takes no longer than this is sent three times. Milliseconds. */
const QUICK_PROBE = 100;

/** What one group of statements gave. */
interface Part {
  readonly signals: Signals;
  readonly problems?: readonly SamplerProblem[];
}

export function createPostgresSampler(options: PostgresSamplerOptions): Sampler {
  const { source = DATABASE_SOURCE, probeSql = 'SELECT 1', now = () => performance.now() } = options;
  const { budgetMs = Infinity, statementTimeoutMs = STATEMENT_MS } = options;
  const counters = new CounterReader();
  const statements = new StatementReader();
  const cpuWait = options.cpuWait ? new CpuWaitReader(options.cpuWait) : null;
  const refused = new Map<string, { readonly until: number; readonly problem: SamplerProblem }>();
  let open: SamplingSession | null = null;
  let closed = false;

  const drop = (reason: unknown) => {
    open?.destroy(reason);
    void open?.session.close();
    open = null;
  };

  const session = async (signal: AbortSignal): Promise<SamplingSession> => {
    if (open?.session.lost.aborted) drop(open.session.lost.reason);
    if (open) return open;
    const opened = await openSamplingSession(options, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw asSamplerError(postgresProblem(error, 'connecting'));
    });
    if (closed || signal.aborted) {
      opened.destroy(signal.reason);
      throw signal.reason ?? samplingError('SAMPLER_FAILED', 'sampling has ended');
    }
    // Perhaps another server, after a failover: what was counted before is of another count.
    counters.forget();
    statements.forget();
    cpuWait?.forget();
    refused.clear();
    return (open = opened);
  };

  /** Runs one group: its failure is named and costs the others nothing, unless the connection is gone. */
  const part = async (what: string, endsAt: number, read: () => Promise<Part>): Promise<Part> => {
    if (now() + statementTimeoutMs > endsAt)
      return { signals: {}, problems: [{ kind: 'hung', message: `${what}: left out, the server answers too slowly` }] };
    const earlier = refused.get(what);
    if (earlier && now() < earlier.until) return { signals: {}, problems: [earlier.problem] };
    refused.delete(what);
    try {
      return await read();
    } catch (error) {
      if (!open || open.session.lost.aborted || isHoldfastError(error, 'PG_CONNECTION_LOST'))
        throw asSamplerError(postgresProblem(error, what));
      const problem = postgresProblem(error, what);
      if (REFUSALS.test(stateOf(error) ?? '')) refused.set(what, { until: now() + REFUSED_MS, problem });
      return { signals: {}, problems: [problem] };
    }
  };

  const readAll = async (
    { session: connection, own, seesAll }: SamplingSession,
    endsAt: number,
  ): Promise<SamplerReading> => {
    const parts: Part[] = [];
    // First, before our own statements warm or disturb anything.
    parts.push(await part('probe', Infinity, () => probe(connection)));
    let lookAtLocks = true;
    let roleShared = false;
    parts.push(
      await part('sessions', endsAt, async () => {
        const activity = await readActivity(connection, own, seesAll);
        ({ lookAtLocks, roleShared } = activity);
        return activity;
      }),
    );
    if (lookAtLocks)
      parts.push(
        await part('lock waiters', endsAt, async () => {
          const { waiters, behindUs } = await readLockWaiters(connection, own);
          return { signals: { lockWaiters: waiters, waitersBehindUs: behindUs.length } };
        }),
      );
    const plain = (read: (session: typeof connection) => Promise<Signals>) => async (): Promise<Part> => ({
      signals: await read(connection),
    });
    if (cpuWait)
      parts.push(
        await part(
          'waits for a CPU',
          endsAt,
          plain((to) => cpuWait.read(to, own)),
        ),
      );
    parts.push(
      await part(
        'database counters',
        endsAt,
        plain((to) => counters.readDatabases(to)),
      ),
    );
    parts.push(
      await part(
        'I/O counters',
        endsAt,
        plain((to) => counters.readIo(to)),
      ),
    );
    parts.push(
      await part(
        'checkpoint counters',
        endsAt,
        plain((to) => counters.readCheckpoints(to)),
      ),
    );
    parts.push(await part('replication', endsAt, () => readReplication(connection)));
    parts.push(
      await part(
        'statement statistics',
        endsAt,
        plain((to) => statements.read(to, own, roleShared)),
      ),
    );
    return {
      signals: Object.assign({}, ...parts.map(({ signals }) => signals)) as Signals,
      problems: parts.flatMap(({ problems }) => problems ?? []),
    };
  };

  /** A probe that runs into its limit took at least that long, which is the figure that matters most of all. */
  const probe = async (connection: SamplingSession['session']): Promise<Part> => {
    const once = async () => {
      const started = performance.now();
      await connection.query('probe', probeSql).catch((error: unknown) => {
        if (stateOf(error) !== '57014') throw error;
      });
      return performance.now() - started;
    };
    const first = await once();
    if (first > QUICK_PROBE) return { signals: { probeLatencyMs: first } };
    // One of them may have met a busy moment of this process, which is no load of the server's.
    const [, middle] = [first, await once(), await once()].sort((one, other) => one - other);
    return { signals: { probeLatencyMs: middle! } };
  };

  return {
    source,
    async sample(signal) {
      const endsAt = now() + budgetMs;
      const connection = await session(signal);
      const onAbort = () => drop(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await readAll(connection, endsAt);
      } catch (error) {
        drop(error);
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    async close() {
      closed = true;
      const last = open;
      open = null;
      await last?.session.close();
    },
  };
}

function asSamplerError({ kind, message }: SamplerProblem) {
  return samplingError(kind === 'denied' ? 'SAMPLER_DENIED' : 'SAMPLER_FAILED', message);
}
