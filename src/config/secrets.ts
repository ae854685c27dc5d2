import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { configError } from '../errors/config';
import { rememberSecret } from '../errors/redact';
import { parseConnectionUrl, type ResolvedConnection } from './connection-url';
import type { ConnectionConfig } from './schema';

/** No secret is longer: refuses to read a device or a dump by mistake. Bytes. */
const SECRET_MAX = 256 * 1024;

export interface SecretOptions {
  /** Told when a secret's file may be read by others. Receives a fact, never the value. */
  readonly onWarning?: (warning: string) => void;
  /** Where `env:` looks. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The value behind `env:NAME` or `file:PATH`, read afresh at each call so that a rotated secret is seen. One trailing
 * newline is dropped. Throws CONFIG_SECRET_MISSING, which names the reference and never the value.
 */
export async function resolveSecret(reference: string, options: SecretOptions = {}): Promise<string> {
  const value = await read(reference, options);
  const trimmed = value.replace(/\r?\n$/, '');
  if (trimmed === '') throw missing(reference, 'the secret is empty');
  rememberSecret(trimmed);
  return trimmed;
}

/** A connection of the config with its secrets resolved, to be used at once and not kept. */
export async function toConnectionTarget(
  connection: ConnectionConfig,
  name: string,
  options: SecretOptions = {},
): Promise<ResolvedConnection> {
  if ('url' in connection) {
    const target = parseConnectionUrl(await resolveSecret(connection.url, options), name);
    if (target.password !== undefined) rememberSecret(target.password);
    return target;
  }
  const { password, ...plain } = connection;
  return {
    ...plain,
    name,
    ...(password === undefined ? {} : { password: await resolveSecret(password, options) }),
  };
}

async function read(reference: string, options: SecretOptions): Promise<string> {
  if (reference.startsWith('env:')) {
    const value = (options.env ?? process.env)[reference.slice('env:'.length)];
    if (value === undefined) throw missing(reference, 'the environment variable of a secret is not set');
    return value;
  }
  if (reference.startsWith('file:')) return readSecretFile(reference, options);
  // What stands here may be the secret itself: it is not repeated.
  throw configError('CONFIG_SECRET_REFERENCE');
}

async function readSecretFile(reference: string, options: SecretOptions): Promise<string> {
  const path = reference.slice('file:'.length);
  const absolute = isAbsolute(path) ? path : resolve(path);
  try {
    const facts = await stat(absolute);
    if (!facts.isFile()) throw missing(reference, 'the secret is not a regular file');
    if (facts.size > SECRET_MAX) throw missing(reference, 'the file of a secret is too large to be one');
    if ((facts.mode & 0o044) !== 0) {
      options.onWarning?.(`the file of a secret may be read by others: chmod 600 it [reference=${reference}]`);
    }
    return await readFile(absolute, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw missing(reference, 'the file of a secret does not exist');
    if (code === 'EACCES' || code === 'EPERM') throw missing(reference, 'the file of a secret may not be read');
    throw error;
  }
}

function missing(reference: string, detail: string) {
  return configError('CONFIG_SECRET_MISSING', detail, { context: { reference } });
}
