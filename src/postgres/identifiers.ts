/** Names and literals in SQL text. */

/** `"schema"`: quoted always, so that no word is a keyword. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."table"` */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A literal under standard_conforming_strings. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll(`'`, `''`)}'`;
}

/**
 * An identifier in ASCII alone (`U&"\0441"`): it means the same under every client encoding, which the statements that carry
 * rows of a database in LATIN1 need.
 */
export function quoteIdentifierAscii(name: string): string {
  if (/^[\x20-\x7e\t\n\r]*$/.test(name)) return quoteIdentifier(name);
  const escaped = [...name.replaceAll('\\', '\\\\').replaceAll('"', '""')].map((character) => {
    const point = character.codePointAt(0)!;
    if (point < 0x80) return character;
    return point > 0xffff ? `\\+${point.toString(16).padStart(6, '0')}` : `\\${point.toString(16).padStart(4, '0')}`;
  });
  return `U&"${escaped.join('')}"`;
}
