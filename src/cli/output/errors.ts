import { isHoldfastError } from '../../errors/holdfast-error';
import { redact } from '../../errors/redact';
import { exitCodeOf, type ExitCode } from '../exit-codes';
import type { Palette } from './ui';

/** A failure as it is told: to a person as three lines, to a script as the `error` of the JSON document. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly context: Readonly<Record<string, string | number | boolean | null>>;
  /** From the outside in; shown with --verbose. */
  readonly causes: readonly string[];
}

const INTERNAL_HINT = 'run again with --verbose and report what it prints';

/** Codes of Node's own errors that mean "nobody answers there". */
const NETWORK = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
]);

interface RemoteFailure {
  readonly type: string;
  readonly message: string;
  readonly details?: unknown;
}

/** Finds the most telling error in a chain: the deepest one that carries a stable code. */
export function reportError(error: unknown): ErrorReport {
  const chain = causeChain(error);
  const causes = chain.map((link) => redact(link instanceof Error ? `${link.name}: ${link.message}` : String(link)));
  const build = (code: string, message: string, hint: string, context: ErrorReport['context'] = {}): ErrorReport => ({
    code,
    message: redact(message),
    hint,
    exitCode: exitCodeOf(code),
    context,
    causes,
  });

  const own = chain.find((link) => isHoldfastError(link));
  if (own && isHoldfastError(own)) return build(own.code, own.message, own.hint, own.context);
  const remote = chain.findLast(isRemoteFailure);
  if (remote) {
    const [fact, hint] = remote.message.split(/\s*HINT: /);
    return build(remote.type, fact!, hint ?? remoteHint(remote));
  }
  const network = chain.find(
    (link): link is NodeJS.ErrnoException =>
      link instanceof Error && NETWORK.has((link as NodeJS.ErrnoException).code ?? ''),
  );
  if (network) {
    const report = build('CLI_INTERNAL', network.message, 'check the address, and that the service is running');
    return { ...report, exitCode: 5 };
  }
  const first = chain[0];
  return build('CLI_INTERNAL', first instanceof Error ? first.message : String(first), INTERNAL_HINT);
}

/** An error that crossed Temporal keeps its code in `type` and its hint in `details`. */
function isRemoteFailure(link: unknown): link is Error & RemoteFailure {
  return link instanceof Error && /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test((link as unknown as RemoteFailure).type ?? '');
}

function remoteHint(failure: RemoteFailure): string {
  const details = Array.isArray(failure.details) ? (failure.details as unknown[]) : [];
  for (const detail of details) {
    if (typeof detail === 'object' && detail !== null && 'hint' in detail) return String(detail.hint);
  }
  return 'see the run in the Temporal Web UI';
}

function causeChain(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let link: unknown = error; link !== undefined && link !== null && chain.length < 12;) {
    if (chain.includes(link)) break;
    chain.push(link);
    link = link instanceof Error ? link.cause : undefined;
  }
  return chain;
}

/** `error CODE: message`, `hint: …`, and the causes with --verbose. */
export function renderError(report: ErrorReport, colors: Palette, verbose: boolean): string {
  const lines = [
    `${colors.red(colors.bold(`error ${report.code}:`))} ${report.message}`,
    `${colors.cyan('hint:')} ${report.hint}`,
  ];
  if (verbose) lines.push(...report.causes.slice(1).map((cause) => colors.dim(`  caused by ${cause}`)));
  return lines.join('\n');
}

export function errorDocument(report: ErrorReport): { readonly error: Omit<ErrorReport, 'causes'> } {
  const { code, message, hint, exitCode, context } = report;
  return { error: { code, message, hint, exitCode, context } };
}
