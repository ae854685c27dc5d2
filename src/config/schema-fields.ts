import { type z } from 'zod';
import type { ConfigPath } from './fault';

type Schema = z.core.$ZodType;

/**
 * The field names that may stand at `path`, for "did you mean". Where alternatives exist the one that the value's
 * discriminator picks counts, else all of them.
 */
export function fieldsAt(root: z.ZodType, path: ConfigPath, value: unknown): readonly string[] {
  let alternatives: Schema[] = unwrap(root, value);
  let current = value;
  for (const part of path) {
    current = child(current, part);
    alternatives = alternatives.flatMap((schema) => step(schema, part, current));
  }
  return [...new Set(alternatives.flatMap((schema) => Object.keys(shapeOf(schema) ?? {})))];
}

/** The value at `path` in parsed YAML; undefined when there is none. */
export function valueAt(root: unknown, path: ConfigPath): unknown {
  return path.reduce(child, root);
}

function child(value: unknown, part: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, part) ? (value as Record<string | number, unknown>)[part] : undefined;
}

function step(schema: Schema, part: string | number, value: unknown): Schema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  if (def.type === 'array') return unwrap(def.element, value);
  const next = shapeOf(schema)?.[part];
  return next ? unwrap(next, value) : [];
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  return def.type === 'object' ? (def.shape as Record<string, Schema>) : undefined;
}

/** Looks through default, prefault, optional and transforms, and opens unions. */
function unwrap(schema: Schema, value: unknown): Schema[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  if (def.type === 'default' || def.type === 'prefault' || def.type === 'optional' || def.type === 'nullable') {
    return unwrap(def.innerType, value);
  }
  if (def.type === 'pipe') return unwrap(def.in, value);
  if (def.type !== 'union') return [schema];
  const discriminator = (def as { discriminator?: string }).discriminator;
  const written = discriminator === undefined ? undefined : child(value, discriminator);
  const picked = def.options.filter(
    (option) => discriminator !== undefined && option._zod.propValues?.[discriminator]?.has(written as string),
  );
  return (picked.length > 0 ? picked : def.options).flatMap((option) => unwrap(option, value));
}
