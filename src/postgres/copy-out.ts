/**
 * COPY … TO STDOUT at the level of the protocol: rows go straight from the socket's buffers into large chunks. (One object a
 * row, as the driver makes them, would cost more than reading the row.)
 */
import type { Socket } from 'node:net';
import type { Client, Submittable } from 'pg';
import { freeMemory } from '../domain/free-memory';
import { statementFault } from './faults';
import { tapSocket } from './socket';

const COPY_DATA = 0x64;
const COPY_OUT_RESPONSE = 0x48;
/** Notices, settings and notifications may stand between rows; the driver gets them as they are. */
const IN_BETWEEN = new Set([0x4e, 0x53, 0x41]);
const HEADER = 5;
/** Chunks that wait for the reader before the socket is paused. */
const CHUNKS_AHEAD = 2;

export interface CopyOut {
  /** The next chunk, or null after the last. The caller owns its memory. */
  next(): Promise<Buffer | null>;
  /** Takes a chunk back that nobody needs any more, for the rows to come. */
  give(chunk: Buffer): void;
  /** Rows as PostgreSQL counted them; complete after `next` gave null. */
  readonly rows: number;
  /** Rows as they were received. */
  readonly received: number;
}

/** Starts the statement on that connection, which must be idle. Failures come out of `next`. */
export function copyOut(client: Client, statement: string, chunkBytes = 256 * 1024): CopyOut {
  const query = new CopyOutQuery(statement, chunkBytes);
  client.query(query as unknown as Submittable);
  return query;
}

interface DriverConnection {
  readonly stream: Socket;
  query(text: string): void;
}
type DataHandler = (data: Buffer) => void;

class CopyOutQuery implements CopyOut {
  rows = 0;
  received = 0;
  private connection: DriverConnection | null = null;
  private driver: DataHandler | null = null;
  private chunk: Buffer | null = null;
  private filled = 0;
  private readonly ready: Buffer[] = [];
  private readonly free: Buffer[] = [];
  private partial: Buffer | null = null;
  /** Bytes of the current row that are still to come. */
  private remaining = 0;
  private paused = false;
  private finished = false;
  private failure: Error | null = null;
  private wake: (() => void) | null = null;

  constructor(
    private readonly statement: string,
    private readonly chunkBytes: number,
  ) {}

  async next(): Promise<Buffer | null> {
    for (;;) {
      if (this.failure) throw this.failure;
      const chunk = this.ready.shift();
      if (this.paused && this.ready.length < CHUNKS_AHEAD) {
        this.paused = false;
        this.connection!.stream.resume();
      }
      if (chunk) return chunk;
      if (this.finished) return null;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  give(chunk: Buffer): void {
    // Of the last chunk only a part is filled; by then no more are needed.
    if (chunk.length === this.chunkBytes && !this.finished && this.free.length <= CHUNKS_AHEAD) this.free.push(chunk);
  }

  // ---- what the driver calls

  submit(connection: DriverConnection): Error | null {
    this.connection = connection;
    const handlers = connection.stream.listeners('data') as DataHandler[];
    if (handlers.length !== 1) return new Error('the connection is in use by somebody else');
    this.driver = handlers[0]!;
    if (!tapSocket(connection.stream, this.onBytes)) {
      connection.stream.removeListener('data', this.driver);
      connection.stream.on('data', this.onData);
    }
    connection.query(this.statement);
    return null;
  }

  handleError(error: Error): void {
    this.detach();
    this.failure = statementFault(error, 'COPY');
    this.signal();
  }

  handleCommandComplete(message: { readonly text?: string }): void {
    const match = /^COPY (\d+)/.exec(message.text ?? '');
    if (match) this.rows = Number(match[1]);
  }

  handleReadyForQuery(): void {
    this.detach();
    this.flush();
    this.finished = true;
    this.signal();
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}

  // ---- the bytes

  /** From a socket that makes a buffer for each read. */
  private readonly onData = (incoming: Buffer): void => {
    // When all of it was copied, nobody but this listener has it.
    if (this.onBytes(incoming)) freeMemory(incoming);
  };

  /** Takes what was read; true when nothing of it is needed any more, by the driver neither. */
  private readonly onBytes = (incoming: Buffer): boolean => {
    let data = incoming;
    if (this.partial) {
      data = Buffer.concat([this.partial, incoming]);
      this.partial = null;
    }
    let at = 0;
    while (at < data.length) {
      if (this.remaining > 0) {
        const length = Math.min(this.remaining, data.length - at);
        this.take(data, at, length);
        this.remaining -= length;
        at += length;
        continue;
      }
      if (data.length - at < HEADER) {
        this.partial = Buffer.from(data.subarray(at));
        break;
      }
      const code = data[at]!;
      const length = data.readUInt32BE(at + 1);
      if (code === COPY_DATA) {
        this.received += 1;
        this.remaining = length - 4;
        at += HEADER;
        continue;
      }
      if (code !== COPY_OUT_RESPONSE && !IN_BETWEEN.has(code)) {
        // The end of the copy, or an error: the rest is the driver's.
        this.detach(Buffer.from(data.subarray(at)));
        return false;
      }
      const end = at + 1 + length;
      if (end > data.length) {
        this.partial = Buffer.from(data.subarray(at));
        break;
      }
      // A copy: the driver may keep what it is given.
      if (IN_BETWEEN.has(code)) this.driver!(Buffer.from(data.subarray(at, end)));
      at = end;
    }
    if (this.ready.length >= CHUNKS_AHEAD && !this.paused) {
      this.paused = true;
      this.connection!.stream.pause();
    }
    return true;
  };

  private take(source: Buffer, from: number, length: number): void {
    let at = from;
    const end = from + length;
    while (at < end) {
      this.chunk ??= this.free.pop() ?? Buffer.allocUnsafeSlow(this.chunkBytes);
      const copied = source.copy(this.chunk, this.filled, at, Math.min(end, at + this.chunkBytes - this.filled));
      at += copied;
      this.filled += copied;
      if (this.filled === this.chunkBytes) {
        this.ready.push(this.chunk);
        this.chunk = null;
        this.filled = 0;
        this.signal();
      }
    }
  }

  private flush(): void {
    if (!this.chunk || this.filled === 0) return;
    // A small table must not keep a large buffer alive.
    const half = this.filled < this.chunkBytes / 2;
    this.ready.push(half ? Buffer.from(this.chunk.subarray(0, this.filled)) : this.chunk.subarray(0, this.filled));
    this.chunk = null;
    this.filled = 0;
  }

  private detach(rest?: Buffer): void {
    const { connection, driver } = this;
    if (!connection || !driver) return;
    this.driver = null;
    if (!tapSocket(connection.stream, null)) {
      connection.stream.removeListener('data', this.onData);
      connection.stream.on('data', driver);
    }
    if (this.paused) {
      this.paused = false;
      connection.stream.resume();
    }
    if (rest && rest.length > 0) driver(rest);
  }

  private signal(): void {
    const { wake } = this;
    this.wake = null;
    wake?.();
  }
}
