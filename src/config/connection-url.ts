import { configError } from '../errors/config';

/** A connection with its secret resolved; the same shape as the engines' `ConnectionTarget`. Never logged. */
export interface ResolvedConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslmode?: SslMode;
  readonly sslrootcert?: string;
  readonly sslcert?: string;
  readonly sslkey?: string;
  /** Shown instead of the connection: the name in the config. */
  readonly name: string;
}

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Accepted and left to Holdfast, which sets its own, or without meaning for a single host. */
const WITHOUT_EFFECT = new Set([
  'application_name',
  'fallback_application_name',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'channel_binding',
  'uselibpqcompat',
]);
const MEANINGFUL = new Set([
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
]);

/**
 * Reads a libpq connection URL: percent-encoding throughout, `host=/folder` or a percent-encoded host for a Unix socket,
 * IPv6 in brackets. What libpq would guess from the surroundings (host, user) must be stated.
 */
export function parseConnectionUrl(url: string, name: string): ResolvedConnection {
  const refuse = (detail: string) => configError('CONFIG_CONNECTION_URL', detail, { context: { connection: name } });
  const decode = (text: string, what: string): string => {
    let plain: string;
    try {
      plain = decodeURIComponent(text);
    } catch {
      throw refuse(`the ${what} of the connection URL is not percent-encoded correctly`);
    }
    if (plain.includes('\0')) throw refuse(`the ${what} of the connection URL contains a zero byte`);
    return plain;
  };

  const match = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url.trim());
  if (!match) {
    throw refuse(
      /^postgres(ql)?:\/\//.test(url.trim())
        ? 'the connection URL cannot be read: percent-encode @ / ? # in user and password'
        : 'the connection URL does not start with postgresql://',
    );
  }
  const [, login, address = '', path, query] = match;
  const [userPart, ...passwordParts] = (login ?? '').split(':');
  const passwordPart = passwordParts.length > 0 ? passwordParts.join(':') : undefined;
  if (address.includes(',')) throw refuse('several hosts in one connection URL are not supported');
  const hostMatch = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(address);
  if (!hostMatch) throw refuse('host and port of the connection URL cannot be read');

  const parameters = new Map<string, string>();
  for (const pair of (query ?? '').split('&').filter((part) => part !== '')) {
    const equals = pair.indexOf('=');
    const key = decode(equals < 0 ? pair : pair.slice(0, equals), 'query');
    if (WITHOUT_EFFECT.has(key)) continue;
    if (!MEANINGFUL.has(key))
      throw refuse(`the connection URL has a parameter that is not supported: ${safeWord(key)}`);
    parameters.set(key, decode(equals < 0 ? '' : pair.slice(equals + 1), `parameter ${key}`));
  }
  const given = (key: string, fallback: string | undefined): string | undefined =>
    parameters.get(key) || fallback || undefined;

  const host = given('host', decode(hostMatch[1] ?? hostMatch[2] ?? '', 'host'));
  if (!host) throw refuse('the connection URL names no host');
  if (host.includes(',')) throw refuse('several hosts in one connection URL are not supported');
  const user = given('user', decode(userPart ?? '', 'user'));
  if (!user) throw refuse('the connection URL names no user');
  const portText = given('port', hostMatch[3]) ?? '5432';
  const port = /^\d+$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65535) throw refuse('the port of the connection URL is not a number from 1 to 65535');
  const password = given('password', passwordPart === undefined ? undefined : decode(passwordPart, 'password'));
  const sslmode = given('sslmode', parameters.get('ssl') === 'true' ? 'require' : 'prefer')!;
  if (!(SSL_MODES as readonly string[]).includes(sslmode)) {
    throw refuse(`the sslmode of the connection URL is not one of ${SSL_MODES.join(', ')}`);
  }
  const files = Object.fromEntries(
    (['sslrootcert', 'sslcert', 'sslkey'] as const).flatMap((key) => {
      const value = parameters.get(key);
      return value ? [[key, value]] : [];
    }),
  );
  return {
    name,
    host,
    port,
    user,
    database: given('dbname', decode(path ?? '', 'database')) ?? user,
    ...(password === undefined ? {} : { password }),
    sslmode: sslmode as SslMode,
    ...files,
  };
}

/** A parameter's name may itself be a secret that slipped out of place: only a plain word is shown. */
function safeWord(key: string): string {
  return /^[a-z_]{1,40}$/.test(key) ? key : '(not a plain word)';
}
