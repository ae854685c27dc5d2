/** How figures and tables are written. */

export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
export const ratio = (value: number) => `${value.toFixed(2)} ×`;
export const percent = (share: number) => `${(share * 100).toFixed(Math.abs(share) < 0.1 ? 2 : 1)} %`;
export const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
export const millis = (ms: number) => `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
