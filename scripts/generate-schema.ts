/** Writes schema/holdfast.schema.json and the tables of docs/configuration.md. `npm run schema`; a test finds stale ones. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configJsonSchema, SCHEMA_FILE } from '../src/config/json-schema';
import { referenceMarkdown } from '../src/config/reference';

export const DOCS_FILE = 'docs/configuration.md';
const MARK = /(<!-- fields: made by `npm run schema` -->\n)[\s\S]*(<!-- end of fields -->)/;

/** What the two files should hold. */
export function generate(root: string): ReadonlyMap<string, string> {
  const schema = configJsonSchema();
  const docs = readFileSync(join(root, DOCS_FILE), 'utf8');
  if (!MARK.test(docs)) throw new Error(`${DOCS_FILE} has lost its marks`);
  return new Map([
    [SCHEMA_FILE, `${JSON.stringify(schema, null, 2)}\n`],
    [
      DOCS_FILE,
      docs.replace(MARK, (_all, start: string, end: string) => `${start}\n${referenceMarkdown(schema)}\n${end}`),
    ],
  ]);
}

if (require.main === module) {
  const root = join(__dirname, '..');
  for (const [file, text] of generate(root)) writeFileSync(join(root, file), text);
}
