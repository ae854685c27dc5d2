import { z } from 'zod';
import { duration, size } from './fields';
import { configSchema } from './schema';
import { formatDuration, formatSize } from './units';

/** Where editors find the schema of a released version; also its `$id`. */
export const SCHEMA_FILE = 'schema/holdfast.schema.json';

/** A JSON Schema of holdfast.yaml as it is written (not as loaded), for editors and other checkers. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-7', // what editors' YAML support reads without gaps
    override: ({ zodSchema, jsonSchema }) => {
      const def = zodSchema._zod.def;
      if (def.type === 'prefault') delete jsonSchema.default; // `{}`, said by the fields themselves
      if (def.type !== 'default') return;
      const { innerType, defaultValue } = def as z.core.$ZodDefaultDef;
      // The default is held as loaded, in milliseconds or bytes.
      if (innerType === duration) jsonSchema.default = formatDuration(defaultValue as number);
      if (innerType === size) jsonSchema.default = formatSize(defaultValue as number);
    },
  });
  return { ...schema, title: 'holdfast.yaml', description: 'Configuration of Holdfast: durable PostgreSQL backups.' };
}
