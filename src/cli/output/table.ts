import { stripVTControlCharacters } from 'node:util';

/** One column; `get` returns the finished cell text, colours included. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly get: (row: Row) => string;
}

/** Places a string takes on a terminal: colours take none, a wide character takes two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mark}/u.test(character)) continue;
    width += isWide(character.codePointAt(0)!) ? 2 : 1;
  }
  return width;
}

/** East Asian wide blocks and pictographs; approximate, as terminals themselves are. */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

export function padTo(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? gap + text : text + gap;
}

/** Aligned lines, two spaces between columns, no trailing blanks; a title row through `title`. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  title: (text: string) => string = (text) => text,
): string {
  const cells = rows.map((row) => columns.map((column) => column.get(row)));
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((line) => displayWidth(line[index]!))),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => padTo(text, widths[index]!, columns[index]!.align))
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => title(column.title))), ...cells.map(line)].join('\n');
}

/** `label   value` lines, aligned; entries without a value are left out. */
export function renderFacts(
  facts: readonly (readonly [label: string, value: string | null | undefined])[],
  dim: (text: string) => string = (text) => text,
): string {
  const shown = facts.filter((fact): fact is readonly [string, string] => Boolean(fact[1]));
  const width = Math.max(0, ...shown.map(([label]) => displayWidth(label)));
  return shown
    .map(([label, value]) => `${dim(padTo(label, width))}  ${value.split('\n').join(`\n${' '.repeat(width + 2)}`)}`)
    .join('\n');
}
