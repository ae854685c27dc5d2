/** Where the configuration names tokens: who asks is known, and may do it, before a command begins. */
import { setTimeout as sleep } from 'node:timers/promises';
import { judge, type Verdict } from '../config/access-tokens';
import type { AccessConfig } from '../config/schema';
import { needsOf, type Need, type Needs } from '../domain/access';
import { accessError } from '../errors/access';
import { isHoldfastError } from '../errors/holdfast-error';
import type { CliContext } from './context';
import { openCatalog, secrets } from './lazy';

/** A denial waits no longer for the audit log. Milliseconds; half of it for the connection and for a statement. */
const AUDIT_PATIENCE_MS = 4_000;

export interface Asked {
  /** `backup delete`. */
  readonly command: string;
  readonly needs: Needs;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Returns when the command may go on; throws one of `src/errors/access.ts`, which is in the audit log then. */
export async function admit(context: CliContext, asked: Asked): Promise<void> {
  const needs = needsOf(asked.needs, asked.options).filter((need) => need !== 'none');
  if (needs.length === 0) return;
  const access = await configuredAccess(context);
  if (access === null) return;
  const verdict = judge(access, await presentedToken(), needs, context.ui.now());
  if (verdict.name !== null) context.identify(verdict.name);
  if (verdict.ok) return;
  const recorded = await record(context, asked.command, needs, verdict);
  throw denial(asked.command, needs, verdict, recorded);
}

/** Null: everybody may do everything. A configuration that cannot be read lets nobody past. */
async function configuredAccess(context: CliContext): Promise<AccessConfig | null> {
  try {
    return (await context.config()).access ?? null;
  } catch (error) {
    if (isHoldfastError(error, 'CLI_CONFIG_NOT_FOUND')) return null;
    throw error;
  }
}

/** Never an argument: those are seen by every user of the machine and kept by the shell. */
export async function presentedToken(env: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  if (env.HOLDFAST_TOKEN?.trim()) return (await secrets('env:HOLDFAST_TOKEN')).trim();
  if (env.HOLDFAST_TOKEN_FILE) return (await secrets(`file:${env.HOLDFAST_TOKEN_FILE}`)).trim();
  return null;
}

type Denied = Extract<Verdict, { ok: false }>;

function denial(command: string, needs: readonly Need[], { code, name, roles, expires }: Denied, recorded: boolean) {
  return accessError(code, '', {
    context: {
      command,
      needs: needs.join(', '),
      name: name ?? undefined,
      roles: roles.length === 0 ? undefined : roles.join(', '),
      expired: code === 'ACCESS_TOKEN_EXPIRED' && expires !== null ? new Date(expires).toISOString() : undefined,
      // Silent when all is well: the catalogue did not answer, and the audit log lacks this.
      recorded: recorded ? undefined : false,
    },
  });
}

/** False: the catalogue did not answer in time. A connection of its own, so that the command ends soon all the same. */
async function record(
  context: CliContext,
  command: string,
  needs: readonly Need[],
  { code, roles }: Denied,
): Promise<boolean> {
  const written = (async () => {
    const catalog = await openCatalog(await context.config(), { patienceMs: AUDIT_PATIENCE_MS / 2 });
    context.onClose(() => catalog.close());
    await catalog.audit({
      actor: context.who,
      action: 'access.denied',
      details: { command, needs, code, roles },
      at: context.ui.now(),
    });
    return true;
  })().catch(() => false);
  const given = new AbortController();
  try {
    const late = sleep(AUDIT_PATIENCE_MS, false, { signal: given.signal }).catch(() => false);
    return await Promise.race([written, late]);
  } finally {
    given.abort();
  }
}
