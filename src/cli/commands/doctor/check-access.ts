/** Tokens that have expired or soon will, and metrics that whoever reaches the port may read. */
import { isExpired } from '../../../config/access-tokens';
import type { HoldfastConfig } from '../../../config/schema';
import { formatTime, plural } from '../../output/format';
import { ok, warn, type Finding } from './finding';

/** A token that expires within this time is named, so that another can be handed over first. Milliseconds. */
const SOON_MS = 14 * 86_400_000;

/** Pure: by the configuration alone. */
export function checkAccess(config: Pick<HoldfastConfig, 'access' | 'worker'>, now: Date): readonly Finding[] {
  return [...checkTokens(config.access, now), ...checkMetrics(config)];
}

function checkTokens(access: HoldfastConfig['access'], now: Date): readonly Finding[] {
  if (access === undefined)
    return [ok('access', 'no tokens: whoever reads holdfast.yaml and reaches the services may do everything')];
  const late = access.tokens.flatMap((token) => {
    const { name, expires } = token;
    if (expires === undefined || expires - now.getTime() > SOON_MS) return [];
    const when = formatTime(new Date(expires));
    return isExpired(token, now)
      ? [warn('access', `the token ${name} expired ${when}`, 'take it out of holdfast.yaml, or put a new one in')]
      : [warn('access', `the token ${name} expires ${when}`, `make another in time: holdfast access token ${name}-2`)];
  });
  return late.length > 0 ? late : [ok('access', `${plural(access.tokens.length, 'token')}, none about to expire`)];
}

function checkMetrics({ access, worker }: Pick<HoldfastConfig, 'access' | 'worker'>): readonly Finding[] {
  const { metrics } = worker;
  if (metrics === undefined || access?.metrics === 'token' || isLoopback(metrics)) return [];
  return [
    warn(
      'metrics',
      `at ${metrics} whoever reaches the port reads them`,
      access === undefined
        ? 'bind 127.0.0.1, or add an access section'
        : 'bind 127.0.0.1, or set access.metrics: token',
    ),
  ];
}

/** The port alone binds 127.0.0.1 too. */
function isLoopback(address: string): boolean {
  return /^(127\.[\d.]+:|localhost:|\[::1\]:)?\d+$/.test(address);
}
