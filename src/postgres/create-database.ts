/** The statement that makes an empty database equal in kind to the one that was backed up. Pure. */
import { quoteIdentifier, quoteLiteral } from './identifiers';

export interface DatabaseFacts {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** `libc`, `icu`, `builtin`, or the catalogue's letter for it; null before PostgreSQL 15. */
  readonly localeProvider: string | null;
  /** Locale of ICU or of the built-in provider; null for libc. */
  readonly icuLocale: string | null;
}

const PROVIDERS: Readonly<Record<string, 'libc' | 'icu' | 'builtin'>> = {
  c: 'libc',
  i: 'icu',
  b: 'builtin',
  libc: 'libc',
  icu: 'icu',
  builtin: 'builtin',
};

/**
 * @param major of the server that will run it: providers are named from 15 on, the built-in one exists from 17 on
 * @param owner role that shall own it; absent = who runs the statement
 */
export function createDatabaseSql(name: string, facts: DatabaseFacts, major: number, owner?: string): string {
  const parts = [
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`,
    ...(owner === undefined ? [] : [`OWNER ${quoteIdentifier(owner)}`]),
    `ENCODING ${quoteLiteral(facts.encoding)}`,
    `LC_COLLATE ${quoteLiteral(facts.collate)}`,
    `LC_CTYPE ${quoteLiteral(facts.ctype)}`,
  ];
  const provider = PROVIDERS[facts.localeProvider ?? ''];
  if (major >= 15 && provider !== undefined) {
    parts.push(`LOCALE_PROVIDER ${provider}`);
    if (provider !== 'libc' && facts.icuLocale !== null)
      parts.push(`${provider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${quoteLiteral(facts.icuLocale)}`);
  }
  return parts.join(' ');
}
