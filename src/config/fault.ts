/** One thing wrong in holdfast.yaml. */
export interface ConfigFault {
  /** `databases[0].stores[1]`; empty for the file as a whole. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** A fact, lower case. Never the value of a secret. */
  readonly message: string;
  /** What to write instead; null when the message says it. */
  readonly hint: string | null;
}

export type ConfigPath = readonly (string | number)[];

/** A fault before it is found in the file: `at: 'key'` points at the name of the last field, `'value'` at its value. */
export interface Finding {
  readonly path: ConfigPath;
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly hint: string | null;
}

/** `['databases', 0, 'stores', 1]` → `databases[0].stores[1]`. */
export function formatPath(path: ConfigPath): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** `databases[0].stores[1]: no store is named s4 (holdfast.yaml:12:9). Did you mean s3?` */
export function formatFault(fault: ConfigFault, fileName: string): string {
  const place = `${fileName}:${fault.line}:${fault.column}`;
  const what = fault.path === '' ? fault.message : `${fault.path}: ${fault.message}`;
  return `${what} (${place})${fault.hint === null ? '' : `. ${fault.hint}`}`;
}
