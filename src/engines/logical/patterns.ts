/** Patterns of pg_dump's -t, -T, -n and -N as regular expressions of PostgreSQL. */

export interface NamePattern {
  /** Null: what is visible in the role's search path, as pg_dump has it. */
  readonly schema: string | null;
  readonly name: string;
}

/**
 * `*` and `?` are wildcards, unquoted letters fold to lower case, double quotes take their content literally, an unquoted dot
 * parts schema and name; other characters of regular expressions keep their meaning, except `$`.
 */
export function parseNamePattern(pattern: string): NamePattern {
  const parts: string[] = [''];
  let quoted = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    const append = (text: string) => (parts[parts.length - 1] += text);
    if (character === '"') {
      if (quoted && pattern[at + 1] === '"') {
        append('"');
        at += 1;
      } else quoted = !quoted;
    } else if (quoted) append(/[|*+?()[\]{}.^$\\]/.test(character) ? `\\${character}` : character);
    else if (character === '*') append('.*');
    else if (character === '?') append('.');
    else if (character === '.') parts.push('');
    else if (character === '$') append('\\$');
    else append(/[A-Z]/.test(character) ? character.toLowerCase() : character);
  }
  if (parts.length > 2) throw new RangeError(`too many dots in a pattern [pattern=${pattern}]`);
  const anchored = (text: string) => `^(${text})$`;
  return parts.length === 2
    ? { schema: anchored(parts[0]!), name: anchored(parts[1]!) }
    : { schema: null, name: anchored(parts[0]!) };
}
