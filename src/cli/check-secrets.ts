import { resolveSecret } from '../config/secrets';
import { reportError } from './output/errors';

export interface SecretFindings {
  readonly references: number;
  /** One fact for each reference that cannot be resolved in this process. */
  readonly unreadable: readonly string[];
  /** One fact for each file that others may read. */
  readonly exposed: readonly string[];
}

/** Looks at every `env:` and `file:` reference in a configuration; never shows a value. */
export async function checkSecrets(config: unknown): Promise<SecretFindings> {
  const references = [...referencesIn(config)];
  const exposed: string[] = [];
  const faults = await Promise.all(
    references.map((reference) =>
      resolveSecret(reference, { onWarning: (warning) => exposed.push(warning) }).then(
        () => null,
        (error: unknown) => reportError(error).message,
      ),
    ),
  );
  return { references: references.length, unreadable: faults.filter((fault) => fault !== null), exposed };
}

function referencesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value === 'string' && /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/.test(value)) found.add(value);
  else if (Array.isArray(value)) value.forEach((item) => referencesIn(item, found));
  else if (typeof value === 'object' && value !== null)
    Object.values(value).forEach((item) => referencesIn(item, found));
  return found;
}
