/** One JSON line for each event, without secrets; the SDK, workflows and activities all log through it. */
import type { Logger as TemporalLogger, LogLevel, LogMetadata } from '@temporalio/worker';
import pino, { type DestinationStream } from 'pino';
import { redact } from '../errors/redact';

export interface LoggerOptions {
  /** @default info */
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** @default stderr */
  readonly destination?: DestinationStream;
}

const MAX_DEPTH = 5;

export function createLogger(options: LoggerOptions = {}): TemporalLogger {
  const { level = 'info', destination = pino.destination({ dest: 2, sync: true }) } = options;
  const out = pino({ level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const write = (at: LogLevel, message: string, meta?: LogMetadata) =>
    out[LEVELS[at]](cleanFields(meta), redact(message));
  return {
    log: write,
    trace: (message, meta) => write('TRACE', message, meta),
    debug: (message, meta) => write('DEBUG', message, meta),
    info: (message, meta) => write('INFO', message, meta),
    warn: (message, meta) => write('WARN', message, meta),
    error: (message, meta) => write('ERROR', message, meta),
  };
}

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const satisfies Record<
  LogLevel,
  string
>;

/** Values that cannot be written as JSON become text; symbols, which the SDK uses for itself, are left out. */
function cleanFields(meta: LogMetadata | undefined): Record<string, unknown> {
  return cleanValue({ ...meta }, 0) as Record<string, unknown>;
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const { code, type } = value as { code?: unknown; type?: unknown };
    return cleanValue({ name, message, code: code ?? type, stack, cause }, depth + 1);
  }
  if (value instanceof Date || value === null || typeof value !== 'object') return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => cleanValue(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cleanValue(item, depth + 1)]));
}
