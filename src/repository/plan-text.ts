/**
 * The recovery plan: what the stand-alone script of the kit needs, as lines of text that a POSIX shell can read without
 * a JSON parser. It follows the JSON in a manifest's body and says nothing that the JSON does not say.
 */
import type { ManifestBody } from './types';

/**
 * Quotes an SQL identifier so that it stays on one line and has no tab: control characters are written as `U&"\000A"`,
 * which needs `standard_conforming_strings = on`, the default.
 */
export function quoteIdentifier(name: string): string {
  const quoted = name.replaceAll('"', '""');
   
  if (!/[\u0000-\u001f\u007f]/.test(name)) return `"${quoted}"`;
   
  const escaped = quoted.replaceAll('\\', '\\\\').replace(/[\u0000-\u001f\u007f]/g, (c) => {
    return `\\${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `U&"${escaped}"`;
}

/** Fields are separated by one tab; `-` stands for an empty list. The last line is `end`, so a cut plan is noticed. */
export function planText(body: Pick<ManifestBody, 'backupId' | 'summary' | 'files'>): string {
  const { summary } = body;
  const lines = [
    ['holdfast-plan', '1'],
    ['backup', body.backupId],
    ['server', String(summary.serverVersionNum)],
    ['database', quoteIdentifier(summary.databaseName), summary.encoding],
  ];
  for (const file of body.files) {
    lines.push(['file', file.path, String(file.bytes), file.segments.join(' ') || '-']);
  }
  for (const table of summary.tables) {
    lines.push([
      'rows',
      String(table.rows),
      table.files.join(' ') || '-',
      `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`,
      table.columns.length > 0 ? `(${table.columns.map(quoteIdentifier).join(', ')})` : '-',
    ]);
  }
  lines.push(['end']);
  return lines.map((fields) => `${fields.join('\t')}\n`).join('');
}
