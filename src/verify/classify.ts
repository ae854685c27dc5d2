/** Decides what a failed proof says about the copy: damaged, or the surroundings were unfit, or nothing at all. Pure. */
import type { FaultClass } from '../domain/names';
import { isHoldfastError } from '../errors/holdfast-error';
import { verifyError } from '../errors/verify';
import type { ProofRecord } from '../repository/types';

export type ProofFailure = NonNullable<ProofRecord['failure']>;

/** Errors of the operating system that say "this machine", never "this copy". */
const RESOURCE_ERRNOS: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'EROFS',
]);

/** Of PostgreSQL: 53 insufficient resources, 57P the server goes, 58 system error, 54 limits, 08 connection lost. */
const RESOURCE_SQLSTATE = /^(53|54|57P|58|08)/;

/** What pg_restore and the server print when the reason is the machine. */
const RESOURCE_TEXT =
  /No space left on device|could not (write|extend) file|out of (shared )?memory|Cannot allocate memory|too many open files|Disk quota exceeded|could not fork|ended by SIG(KILL|TERM)|killed by signal|terminating connection due to|server closed the connection unexpectedly|Resource temporarily unavailable/i;

const EXTENSION_TEXT =
  /extension "([^"]+)" is not available|could not open extension control file "[^"]*?([^"/]+)\.control"|extension "([^"]+)" must be installed|could not access file "\$libdir\/([^"]+)"/;

const LOCALE_TEXT = /invalid (?:LC_COLLATE |LC_CTYPE )?locale name|could not create locale|ICU locale|locale provider/i;

const ABSENT_TEXT = /(role|tablespace|access method) "([^"]+)" does not exist/;

/** The server here was built without something that the source's server has (libxml, LZ4, ICU). */
const BUILD_TEXT = /unsupported XML feature|not supported (?:in|by) this build|compression method \S+ not supported/i;

/** A step of a restore that PostgreSQL refused: what the copy holds does not make a database. */
const RESTORE_REFUSED: ReadonlySet<string> = new Set(['PG_TOOL_FAILED', 'PG_QUERY_FAILED']);

/** Role of every step of a proof; a failed one that nothing else explains is of this class. */
export type ProofStep = 'read' | 'cluster' | 'restore' | 'compare';

/** @param sourceError what the store or the repository said while the restore read from it; it explains what follows. */
export function classifyFailure(error: unknown, step: ProofStep, sourceError?: unknown): ProofFailure {
  // What the scratch cluster says of itself explains everything else; then what the store said.
  const cause = isHoldfastError(error) && error.code.startsWith('SCRATCH_') ? error : (sourceError ?? error);
  const text = wholeText(cause);
  // A missing extension and a full disk look like a failed restore; they are told apart by what PostgreSQL said.
  const extension = EXTENSION_TEXT.exec(text);
  if (extension && step !== 'read') {
    const name = extension.slice(1).find((part) => part !== undefined) ?? 'unknown';
    return failureOf(
      verifyError('VERIFY_EXTENSION_MISSING', `the extension ${name} is not installed here`, {
        context: { extension: name },
      }),
    );
  }
  for (const link of causes(cause)) {
    const code = (link as { code?: unknown }).code;
    if (isHoldfastError(link)) continue;
    if (typeof code === 'string' && (RESOURCE_ERRNOS.has(code) || RESOURCE_SQLSTATE.test(code)))
      return failureOf(verifyError('VERIFY_RESOURCES', `out of a resource: ${line(link)}`));
  }
  if (step !== 'read' && RESOURCE_TEXT.test(text) && !isOwn(cause))
    return failureOf(verifyError('VERIFY_RESOURCES', `out of a resource: ${line(cause, RESOURCE_TEXT)}`));
  if (step === 'cluster' && LOCALE_TEXT.test(text))
    return failureOf(
      verifyError('SCRATCH_LOCALE_MISSING', `the locale of the backup is not installed here: ${line(cause)}`),
    );
  if (step === 'restore' && BUILD_TEXT.test(text)) {
    const what = 'the server of the scratch cluster was built without something that the backup needs';
    return failureOf(
      verifyError('VERIFY_SURROUNDINGS', `${what}: ${line(cause, BUILD_TEXT)}`, {
        hint: 'prove with the server package that the source uses, or one that is built with the same features',
      }),
    );
  }
  const absent = ABSENT_TEXT.exec(text);
  if (step === 'restore' && absent) {
    const [, kind, name] = absent;
    return failureOf(
      verifyError('VERIFY_SURROUNDINGS', `the ${kind} ${name} does not exist in the scratch cluster`, {
        context: { [kind!.replace(' ', '_')]: name },
      }),
    );
  }
  if (isHoldfastError(cause) && !(step === 'restore' && RESTORE_REFUSED.has(cause.code))) return failureOf(cause);
  if (step === 'restore') return failureOf(verifyError('VERIFY_RESTORE_FAILED', line(cause)));
  return failureOf(verifyError('VERIFY_INTERRUPTED', line(cause)));
}

export function failureOf(error: { fault: FaultClass; code: string; message: string; hint: string }): ProofFailure {
  return { class: error.fault, code: error.code, message: error.message, hint: error.hint };
}

/** Errors of this area already say precisely what happened. */
function isOwn(error: unknown): boolean {
  return isHoldfastError(error) && /^(SCRATCH|VERIFY)_/.test(error.code);
}

function* causes(error: unknown): Generator<unknown> {
  let link: unknown = error;
  for (let depth = 0; depth < 8 && link !== null && typeof link === 'object'; depth += 1) {
    yield link;
    link = (link as { cause?: unknown }).cause;
  }
}

function wholeText(error: unknown): string {
  return [...causes(error)].map((link) => String((link as { message?: unknown }).message ?? '')).join('\n');
}

/** One line for a record that people read, from the error or the cause that says `what`; a long end is cut. */
function line(error: unknown, what?: RegExp): string {
  const messages = [...causes(error)].map((link) => String((link as { message?: unknown }).message ?? ''));
  const said = messages.find((message) => what?.test(message)) ?? messages[0] ?? String(error);
  const text = said.replace(/\s+/g, ' ').trim();
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
