/** What runs can be found by in the Temporal Web UI and with `temporal workflow list --query`. */
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';

const keyword = (name: string) => defineSearchAttributeKey(name, 'KEYWORD');

export const ATTRIBUTE = {
  database: keyword('HoldfastDatabase'),
  backupId: keyword('HoldfastBackupId'),
  type: keyword('HoldfastType'),
  phase: keyword('HoldfastPhase'),
  pace: keyword('HoldfastPace'),
  grade: keyword('HoldfastGrade'),
  copies: keyword('HoldfastCopies'),
} as const;

/** Name → type as the operator API of Temporal spells it. All of them must be registered before the first run. */
export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(ATTRIBUTE).map((key) => key.name);

export type AttributeValues = Partial<Record<keyof typeof ATTRIBUTE, string>>;

export function attributes(values: AttributeValues): SearchAttributePair[] {
  return Object.entries(values).map(([name, value]) => ({ key: ATTRIBUTE[name as keyof typeof ATTRIBUTE], value }));
}
