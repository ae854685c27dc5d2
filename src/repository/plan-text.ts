/**
 * The recovery plan: what the stand-alone script of the kit needs, as lines of text that a POSIX shell can read without
 * a JSON parser. It follows the JSON in a manifest's body and says nothing that the JSON does not say.
 */
import type { ManifestBody } from './types';

/**
 * Quotes an SQL identifier so that it stays on one line and has no tab: control characters become `U&"\000A"`. So does
 * all that is not ASCII where the client encoding would change its meaning; UTF8 and SQL_ASCII leave it alone.
 */
export function quoteForPlan(name: string, encoding: string): string {
  const quoted = name.replaceAll('"', '""');
  const plain = encoding === 'UTF8' || encoding === 'SQL_ASCII';
  const special = (point: number) => point < 0x20 || point === 0x7f || (point > 0x7f && !plain);
  if (![...name].some((character) => special(character.codePointAt(0)!))) return `"${quoted}"`;
  const escaped = [...quoted.replaceAll('\\', '\\\\')].map((character) => {
    const point = character.codePointAt(0)!;
    if (!special(point)) return character;
    return point > 0xffff ? `\\+${point.toString(16).padStart(6, '0')}` : `\\${point.toString(16).padStart(4, '0')}`;
  });
  return `U&"${escaped.join('')}"`;
}

/** Fields are separated by one tab; `-` stands for an empty list. The last line is `end`, so a cut plan is noticed. */
export function planText(body: Pick<ManifestBody, 'backupId' | 'summary' | 'files'>): string {
  const { summary } = body;
  const quote = (name: string) => quoteForPlan(name, summary.encoding);
  const lines = [
    ['holdfast-plan', '1'],
    ['backup', body.backupId],
    ['server', String(summary.serverVersionNum)],
    ['database', quote(summary.databaseName), summary.encoding],
  ];
  for (const file of body.files) {
    lines.push(['file', file.path, String(file.bytes), file.segments.join(' ') || '-']);
  }
  for (const table of summary.tables) {
    lines.push([
      'rows',
      String(table.rows),
      table.files.join(' ') || '-',
      `${quote(table.schema)}.${quote(table.name)}`,
      table.columns.length > 0 ? `(${table.columns.map(quote).join(', ')})` : '-',
    ]);
  }
  for (const { schema, table, name } of summary.omittedConstraints ?? []) {
    if (![schema, table, name].some((part) => hasControl(part))) lines.push(['omit', schema, table, name]);
  }
  lines.push(['end']);
  return lines.map((fields) => `${fields.join('\t')}\n`).join('');
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}
