import { redact } from '../errors/redact';

/** PostgreSQL takes neither zero bytes nor half of a surrogate pair. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** For what came out of an error: no secrets, bounded. */
export function storableMessage(text: string): string {
  return storable(redact(text)).slice(0, 4_000);
}

/** A value as it comes back from jsonb: without undefined, with storable strings, fields in order of their names. */
export function storableJson(value: unknown): unknown {
  const plain = JSON.parse(JSON.stringify(value ?? null)) as unknown;
  return sorted(plain);
}

function sorted(value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, entry]) => [storable(key), sorted(entry)] as const)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
}
