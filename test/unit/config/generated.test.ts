import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { DOCS_FILE, generate } from '../../../scripts/generate-schema';
import { didYouMean } from '../../../src/config/did-you-mean';
import { configJsonSchema } from '../../../src/config/json-schema';
import { describeFaults, parseConfig } from '../../../src/config/load';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/config/schema';

const ROOT = join(__dirname, '../../..');
const validate = new Ajv({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  formats: { uri: true, date: true, 'date-time': true },
}).compile(configJsonSchema());
const docs = readFileSync(join(ROOT, DOCS_FILE), 'utf8');
const examples = [...docs.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);

describe('generated files', () => {
  it.each([...generate(ROOT)])('%s is what `npm run schema` would write', (file, text) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toBe(text);
  });

  it('say of every field what it means', () => {
    const missing: string[] = [];
    const walk = (path: string, node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, child] of Object.entries(node)) {
        if (key !== 'properties') walk(`${path}/${key}`, child);
        else
          for (const [name, field] of Object.entries(child as Record<string, { description?: string }>)) {
            if (!field.description) missing.push(`${path}/${name}`);
            walk(`${path}/${name}`, field);
          }
      }
    };
    walk('', configJsonSchema());
    expect(missing).toEqual([]);
  });
});

describe('the examples of the documentation', () => {
  it('are several', () => expect(examples.length).toBeGreaterThanOrEqual(2));

  it.each(examples)('are accepted by the loader and by the JSON Schema: %#', (text) => {
    const result = parseConfig(text, 'holdfast.yaml');
    expect(result.ok ? '' : describeFaults(result.faults, 'holdfast.yaml')).toBe('');
    validate(parse(text));
    expect(validate.errors).toBeNull();
  });

  it('are refused by both with an unknown field, a literal secret or a wrong unit', () => {
    for (const [from, to] of [
      ['version: 1', 'version: 1\nverson: 1'],
      ['env:SHOP_URL', 'postgres://x'],
      ['interval: 6h', 'interval: 6 hours'],
      ['adapter: s3', 'adapter: s4'],
    ] as const) {
      const text = examples[0]!.replace(from, to);
      expect(text).not.toBe(examples[0]);
      expect(parseConfig(text, 'x').ok).toBe(false);
      expect(validate(parse(text))).toBe(false);
    }
  });
});

describe('durations and sizes', () => {
  it('are written so that they read back equal', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 31 }),
        fc.constantFrom(1, 1000, 60_000, 3_600_000, 86_400_000, 1024, 2 ** 20, 2 ** 30),
        (n, unit) => {
          const value = (n % 1000) * unit;
          expect(parseDuration(formatDuration(value))).toBe(value);
          expect(parseSize(formatSize(value))).toBe(value);
        },
      ),
    );
    expect([
      formatDuration(604_800_000),
      formatDuration(5_400_000),
      formatSize(16 * 2 ** 20),
      formatSize(20e6),
    ]).toEqual(['7d', '90m', '16MiB', '20MB']);
  });
});

describe('did you mean', () => {
  it.each([
    ['raeders', 'readers'],
    ['max_requests', 'maxRequests'],
    ['dayly', 'daily'],
    ['Readers', 'readers'],
    ['completelyElse', null],
    ['x', null],
  ])('%s → %s', (written, meant) => {
    expect(didYouMean(written, ['readers', 'maxRequests', 'daily', 'retention'])).toBe(meant);
  });
});
