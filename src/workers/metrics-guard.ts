/** Who may scrape a worker, where the configuration names tokens: a bearer token that may view. */
import type { IncomingMessage } from 'node:http';
import { judge } from '../config/access-tokens';
import type { AccessConfig } from '../config/schema';
import { createAttemptLimit } from './attempt-limit';

/** What a request is answered with when it is not let in. */
export interface Refusal {
  readonly status: 401 | 429;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export type MetricsGuard = (request: IncomingMessage) => Refusal | null;

/** Refused attempts of one address in a minute; above it the address waits, whatever it presents. */
const ATTEMPTS = 30;
const WINDOW_MS = 60_000;

/** Null where everybody who reaches the port may scrape. */
export function createMetricsGuard(
  access: AccessConfig | undefined,
  now: () => Date = () => new Date(),
): MetricsGuard | null {
  if (access === undefined || access.metrics === 'open') return null;
  const limit = createAttemptLimit({ attempts: ATTEMPTS, windowMs: WINDOW_MS });
  return (request): Refusal | null => {
    const at = now();
    const address = request.socket.remoteAddress ?? '';
    const waitMs = limit.waitMs(address, at.getTime());
    if (waitMs > 0)
      return {
        status: 429,
        headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
        text: 'too many refused attempts\n',
      };
    if (judge(access, bearerToken(request.headers.authorization), ['view'], at).ok) return null;
    limit.refused(address, at.getTime());
    // Which of missing, unknown or expired it is is nobody's business who has no token.
    return {
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="holdfast"' },
      text: 'a token that may view is needed\n',
    };
  };
}

function bearerToken(header: string | undefined): string | null {
  return /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header ?? '')?.[1] ?? null;
}
