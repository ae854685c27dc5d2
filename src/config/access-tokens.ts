/** Tokens: how one is made, known again, and judged. Pure but for chance; the clock is handed in. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { meets, type Need, type Role } from '../domain/access';
import type { AccessConfig, AccessToken } from './access-schema';

/** So that a token that strays into a file or a chat is recognised for what it is, by people and by scanners. */
export const TOKEN_PREFIX = 'hft_';
const TOKEN_BYTES = 32;
const HASH_PREFIX = 'sha256:';

/** A token of 256 random bits. Nothing keeps it: whoever asked must. */
export function newToken(): string {
  return `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

/** What stands in the configuration. Unsalted and fast is right for 256 random bits: nobody can try them all. */
export function tokenHash(token: string): string {
  return `${HASH_PREFIX}${digest(token).toString('hex')}`;
}

/**
 * The token that was presented, or null. Digests are compared, each in constant time, and all of them whatever the answer,
 * so that the time tells neither how near a guess is nor which token it fits.
 */
export function recognise(
  tokens: readonly AccessToken[],
  presented: string,
  equal: (a: Buffer, b: Buffer) => boolean = timingSafeEqual,
): AccessToken | null {
  const given = digest(presented);
  let found: AccessToken | null = null;
  for (const token of tokens) {
    if (equal(given, Buffer.from(token.hash.slice(HASH_PREFIX.length), 'hex'))) found = token;
  }
  return found;
}

export type DenialCode = 'ACCESS_TOKEN_MISSING' | 'ACCESS_TOKEN_UNKNOWN' | 'ACCESS_TOKEN_EXPIRED' | 'ACCESS_DENIED';

export type Verdict =
  | { readonly ok: true; readonly name: string }
  | {
      readonly ok: false;
      readonly code: DenialCode;
      /** Whose token it is; null where that is not known. */
      readonly name: string | null;
      readonly roles: readonly Role[];
      readonly expires: number | null;
    };

/** Whether what was presented may do all that is needed. */
export function judge(access: AccessConfig, presented: string | null, needs: readonly Need[], now: Date): Verdict {
  const denied = (code: DenialCode, token: AccessToken | null): Verdict => ({
    ok: false,
    code,
    name: token?.name ?? null,
    roles: token?.roles ?? [],
    expires: token?.expires ?? null,
  });
  if (presented === null) return denied('ACCESS_TOKEN_MISSING', null);
  const token = recognise(access.tokens, presented);
  if (token === null) return denied('ACCESS_TOKEN_UNKNOWN', null);
  if (isExpired(token, now)) return denied('ACCESS_TOKEN_EXPIRED', token);
  if (!needs.every((need) => meets(token.roles, need))) return denied('ACCESS_DENIED', token);
  return { ok: true, name: token.name };
}

export function isExpired(token: Pick<AccessToken, 'expires'>, now: Date): boolean {
  return token.expires !== undefined && now.getTime() >= token.expires;
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
