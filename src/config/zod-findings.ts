import { type z } from 'zod';
import { didYouMean } from './did-you-mean';
import { type ConfigPath, type Finding } from './fault';
import { fieldsAt, valueAt } from './schema-fields';

type Issue = z.core.$ZodIssue;

/** Says zod's issues in the words of a person who edits YAML, one finding a fault. Repeats no value that could be a secret. */
export function zodFindings(schema: z.ZodType, value: unknown, issues: readonly Issue[]): readonly Finding[] {
  const asPath = (path: readonly PropertyKey[]): ConfigPath =>
    path.map((part) => (typeof part === 'symbol' ? '' : part));
  const translate = (issue: Issue, base: ConfigPath): Finding[] => {
    const path = [...base, ...asPath(issue.path)];
    const written = valueAt(value, path);
    if (issue.code === 'unrecognized_keys') {
      const known = fieldsAt(schema, path, value);
      return issue.keys.map((key) => unknownField([...path, key], key, known));
    }
    if (issue.code === 'invalid_union') {
      if (issue.errors.length === 0) return [badChoice(path, written, discriminatorValues(issue))];
      return closest(issue.errors).flatMap((inner) => translate(inner, path));
    }
    if (written === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value')) {
      return [{ path, at: 'key', message: 'is missing', hint: null }];
    }
    if (issue.code === 'invalid_value') return [badChoice(path, written, issue.values.map(String))];
    return [{ path, at: 'value', message: describe(issue, written), hint: null }];
  };
  return issues.flatMap((issue) => translate(issue, []));
}

function unknownField(path: ConfigPath, key: string, known: readonly string[]): Finding {
  const meant = didYouMean(key, known);
  const hint = meant
    ? `Did you mean ${meant}?`
    : known.length > 0
      ? `Known fields: ${[...known].sort().join(', ')}`
      : null;
  return { path, at: 'key', message: 'is not a known field', hint };
}

function badChoice(path: ConfigPath, written: unknown, choices: readonly string[]): Finding {
  if (written === undefined)
    return { path, at: 'key', message: `is missing: one of ${choices.join(', ')}`, hint: null };
  const meant = typeof written === 'string' ? didYouMean(written, choices) : null;
  const message = choices.length === 1 ? `must be ${choices[0]}` : `must be one of ${choices.join(', ')}`;
  return { path, at: 'value', message, hint: meant ? `Did you mean ${meant}?` : null };
}

function discriminatorValues(issue: Issue): string[] {
  return ((issue as { options?: readonly unknown[] }).options ?? []).map(String);
}

/** Of several alternatives, the faults of the one that the writer came nearest to. */
function closest(alternatives: readonly (readonly Issue[])[]): readonly Issue[] {
  const cost = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => {
      if (issue.code === 'unrecognized_keys') return sum + issue.keys.length;
      // The wrong kind of value altogether says that this alternative was not meant.
      return sum + (issue.code === 'invalid_type' && issue.path.length === 0 ? 100 : 1);
    }, 0);
  return [...alternatives].sort((a, b) => cost(a) - cost(b))[0] ?? [];
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a set of fields',
  null: 'empty',
};

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  return KINDS[Array.isArray(value) ? 'array' : typeof value] ?? typeof value;
}

function describe(issue: Issue, written: unknown): string {
  if (issue.code === 'invalid_type') {
    if (typeof written === 'number' && issue.expected === 'int') return 'must be a whole number';
    return `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(written)}`;
  }
  if (issue.code === 'too_small') {
    if (issue.origin === 'string') return 'must not be empty';
    const entries = issue.origin !== 'array' ? '' : Number(issue.minimum) === 1 ? ' entry' : ' entries';
    return `must ${entries ? 'have' : 'be'} at least ${issue.minimum}${entries}`;
  }
  if (issue.code === 'too_big') {
    return `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
  }
  if (issue.code === 'invalid_format' && issue.format === 'url') return 'must be a URL such as https://host:port';
  if (issue.code === 'invalid_format' && issue.message.startsWith('Invalid')) {
    return `must match ${issue.pattern ?? 'its pattern'}`;
  }
  return asDemand(issue.message);
}

/** The schema's own messages name what is wanted ("a duration such as …") or state a fact. */
function asDemand(message: string): string {
  return /^an? /.test(message) ? `must be ${message}` : message;
}
