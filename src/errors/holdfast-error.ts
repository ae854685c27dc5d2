import type { FaultClass } from '../domain/names';

/** One entry of the catalogue: written once, used by code. */
export interface ErrorDefinition {
  /** Lower-case fact, without the particulars: "the role may not read a table". */
  readonly summary: string;
  /** What to do next, one sentence. */
  readonly hint: string;
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly fault: FaultClass;
}

export interface HoldfastErrorOptions {
  /** Overrides the catalogue's hint where the place knows better. */
  readonly hint?: string;
  /** Which database, store, backup, table, key … Never a secret. */
  readonly context?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly cause?: unknown;
}

/** The only error class that leaves a module. `code` is stable; scripts and retry policies rely on it. */
export class HoldfastError extends Error {
  readonly retryable: boolean;
  readonly fault: FaultClass;
  readonly hint: string;
  readonly context: Readonly<Record<string, string | number | boolean | null>>;

  constructor(
    readonly code: string,
    definition: ErrorDefinition,
    detail: string,
    options: HoldfastErrorOptions = {},
  ) {
    const context = Object.fromEntries(
      Object.entries(options.context ?? {}).filter(([, value]) => value !== undefined),
    ) as Record<string, string | number | boolean | null>;
    const facts = Object.entries(context).map(([key, value]) => ` [${key}=${value}]`);
    super(
      `${detail || definition.summary}${facts.join('')}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = 'HoldfastError';
    this.retryable = definition.retryable;
    this.fault = definition.fault;
    this.hint = options.hint ?? definition.hint;
    this.context = context;
  }
}

export function isHoldfastError(error: unknown, code?: string): error is HoldfastError {
  return error instanceof HoldfastError && (code === undefined || error.code === code);
}

/** For outcomes and reports: the stable code and the message, no stack, no cause. */
export function errorFacts(error: unknown): { readonly code: string; readonly message: string } {
  if (isHoldfastError(error)) return { code: error.code, message: error.message };
  return { code: 'UNEXPECTED', message: error instanceof Error ? error.message : String(error) };
}

/**
 * Makes the factory of one area's errors from its table:
 * `const storageError = errorFactory(STORAGE_ERRORS); throw storageError('STORE_UNREACHABLE', 'connection refused', { context: { store } })`.
 */
export function errorFactory<Table extends Readonly<Record<string, ErrorDefinition>>>(table: Table) {
  return (code: keyof Table & string, detail = '', options: HoldfastErrorOptions = {}): HoldfastError =>
    new HoldfastError(code, table[code]!, detail, options);
}
