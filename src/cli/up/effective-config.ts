/** The configuration that `holdfast up` runs with: the operator's file, with the embedded services put in. */
import { isAbsolute, resolve } from 'node:path';
import { parse, stringify } from 'yaml';

/** What the embedded services put in place of the operator's values; absent parts stay as they are. */
export interface Overlay {
  readonly catalog?: { readonly connection: { readonly url: string }; readonly schema?: string };
  readonly temporal?: { readonly address: string; readonly namespace: string; readonly webUi: string };
  /** Folder of client tools to use where the operator names none. */
  readonly postgresBin?: string;
}

/** Fields that hold a path, whatever they stand in; see `src/config/resolve-paths.ts`. */
const PATH_FIELDS = new Set(['path', 'repository', 'dir', 'sslrootcert', 'sslcert', 'sslkey', 'postgresBin']);

/**
 * `text` with the overlay put in and paths made absolute, so that it may lie in another folder. Comments are lost, faults
 * are not: what cannot be parsed is returned as it is, for `parseConfig` to name.
 */
export function effectiveConfig(text: string, folder: string, overlay: Overlay): string {
  let value: unknown;
  try {
    value = parse(text, { version: '1.2', maxAliasCount: 100 });
  } catch {
    return text;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return text;
  const config = absolute(value, '', folder) as Record<string, unknown>;
  if (overlay.catalog !== undefined) config.catalog = overlay.catalog;
  if (overlay.temporal !== undefined) config.temporal = overlay.temporal;
  if (overlay.postgresBin !== undefined) {
    const tools = (config.tools ?? {}) as { readonly postgresBin?: readonly string[] };
    config.tools = { ...tools, postgresBin: [...(tools.postgresBin ?? []), overlay.postgresBin] };
  }
  return stringify(config, { lineWidth: 0 });
}

function absolute(value: unknown, field: string, folder: string): unknown {
  if (Array.isArray(value)) return value.map((item) => absolute(item, field, folder));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, absolute(item, key, folder)]));
  }
  if (typeof value !== 'string') return value;
  if (value.startsWith('file:') && field !== 'sql') return `file:${place(value.slice('file:'.length), folder)}`;
  return PATH_FIELDS.has(field) && value !== 'system' ? place(value, folder) : value;
}

function place(path: string, folder: string): string {
  return path.startsWith('~') || isAbsolute(path) ? path : resolve(folder, path);
}
