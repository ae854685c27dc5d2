/** What the server counts since its start: transactions, rows, blocks, temporary files, checkpoints, I/O. */
import type { PgSession } from '../../../postgres/connection';
import { DeltaReader, type Counters } from '../deltas';
import type { Signals } from '../sampler';

// Of all databases: they share the disks and the cache. Another start, reset or number of databases is another count.
const DATABASES = `
SELECT pg_catalog.concat_ws(' ', pg_catalog.pg_postmaster_start_time(), max(stats_reset), count(*)) AS epoch,
       sum(xact_commit)::float8 AS commits,
       sum(xact_rollback)::float8 AS rollbacks,
       sum(tup_returned + tup_inserted + tup_updated + tup_deleted)::float8 AS rows,
       sum(blks_read)::float8 AS blocks_read,
       sum(blks_hit)::float8 AS blocks_hit,
       sum(blk_read_time)::float8 AS read_ms,
       sum(temp_bytes)::float8 AS temp_bytes,
       pg_catalog.current_setting('track_io_timing') AS io_timing
  FROM pg_catalog.pg_stat_database`;

const CHECKPOINTS_BEFORE_17 = `
SELECT stats_reset::text AS epoch, (checkpoint_write_time + checkpoint_sync_time)::float8 AS ms FROM pg_catalog.pg_stat_bgwriter`;
const CHECKPOINTS = `
SELECT stats_reset::text AS epoch, (write_time + sync_time)::float8 AS ms FROM pg_catalog.pg_stat_checkpointer`;

/** From 18 on a read may be of many blocks, and pg_stat_io has rows of WAL too. */
const ioStatistics = (blocks: (what: 'read' | 'write') => string) => `
SELECT max(stats_reset)::text AS epoch,
       coalesce(sum(${blocks('read')}), 0)::float8 AS reads, coalesce(sum(read_time), 0)::float8 AS read_ms,
       coalesce(sum(${blocks('write')}), 0)::float8 AS writes, coalesce(sum(write_time), 0)::float8 AS write_ms
  FROM pg_catalog.pg_stat_io
 WHERE object IN ('relation', 'temp relation')`;
const IO_BEFORE_18 = ioStatistics((what) => `${what}s`);
const IO = ioStatistics((what) => `${what}_bytes / pg_catalog.current_setting('block_size')::numeric`);

type Row = Readonly<Record<string, unknown>>;

/** Keeps the last reading of each group of counters. */
export class CounterReader {
  private readonly databases = new DeltaReader();
  private readonly io = new DeltaReader();
  private readonly checkpoints = new CheckpointRate();
  private ioTiming = false;

  async readDatabases(session: PgSession): Promise<Signals> {
    const [row] = await session.query<Row>('database counters', DATABASES);
    const now = performance.now();
    const { epoch, io_timing, ...counters } = row!;
    this.ioTiming = io_timing === 'on';
    const delta = this.databases.advance(String(epoch), now, counters as Counters);
    if (!delta) return {};
    const { seconds, grown } = delta;
    const signals: Signals = {
      commitsPerSecond: grown.commits! / seconds,
      rollbacksPerSecond: grown.rollbacks! / seconds,
      rowsPerSecond: grown.rows! / seconds,
      blocksReadPerSecond: grown.blocks_read! / seconds,
      tempBytesPerSecond: grown.temp_bytes! / seconds,
    };
    const blocks = grown.blocks_hit! + grown.blocks_read!;
    if (blocks > 0) signals.cacheHit = grown.blocks_hit! / blocks;
    if (this.ioTiming && session.serverVersionNum < 160_000 && grown.blocks_read! > 0)
      signals.ioReadMs = grown.read_ms! / grown.blocks_read!;
    return signals;
  }

  async readCheckpoints(session: PgSession): Promise<Signals> {
    const text = session.serverVersionNum >= 170_000 ? CHECKPOINTS : CHECKPOINTS_BEFORE_17;
    const [row] = await session.query<Row>('checkpoint counters', text);
    const rate = this.checkpoints.advance(String(row!.epoch), performance.now(), row!.ms as number);
    return rate === null ? {} : { checkpointWriteMs: rate };
  }

  /** Nothing before 16, and nothing where track_io_timing is off: every time is 0 then. */
  async readIo(session: PgSession): Promise<Signals> {
    if (session.serverVersionNum < 160_000 || !this.ioTiming) return {};
    const text = session.serverVersionNum >= 180_000 ? IO : IO_BEFORE_18;
    const [row] = await session.query<Row>('I/O counters', text);
    const { epoch, ...counters } = row!;
    const delta = this.io.advance(String(epoch), performance.now(), counters as Counters);
    if (!delta) return {};
    const { reads, read_ms, writes, write_ms } = delta.grown as Record<string, number>;
    return {
      ...(reads! > 0 ? { ioReadMs: read_ms! / reads! } : {}),
      ...(writes! > 0 ? { ioWriteMs: write_ms! / writes! } : {}),
    };
  }

  forget(): void {
    this.databases.forget();
    this.io.forget();
    this.checkpoints.forget();
  }
}

/**
 * The server adds a checkpoint's time when the checkpoint ends, all at once. That time was spent since the last one was seen to
 * end, so it is spread over that long; in between the rate is 0.
 */
export class CheckpointRate {
  private last: { readonly epoch: string; readonly ms: number; readonly changedAtMs: number } | null = null;

  /** Milliseconds of writing and syncing per second; null on the first reading. */
  advance(epoch: string, atMs: number, ms: number): number | null {
    const { last } = this;
    if (!last || last.epoch !== epoch || ms < last.ms) {
      this.last = { epoch, ms, changedAtMs: atMs };
      return null;
    }
    if (ms === last.ms) return 0;
    this.last = { epoch, ms, changedAtMs: atMs };
    // One process writes: more than a second per second is time from before the first reading.
    return Math.min(1_000, (ms - last.ms) / Math.max(1e-3, (atMs - last.changedAtMs) / 1_000));
  }

  forget(): void {
    this.last = null;
  }
}
