/** Builds the WHERE of a list from what the caller stated. */
export function where(
  conditions: readonly (readonly [sql: string, value: unknown] | null)[],
  fixed: readonly string[] = [],
): { readonly sql: string; readonly parameters: unknown[] } {
  const parameters: unknown[] = [];
  const parts = [...fixed];
  for (const condition of conditions) {
    if (condition === null || condition[1] === undefined) continue;
    parameters.push(condition[1]);
    parts.push(`${condition[0]} = $${parameters.length}`);
  }
  return { sql: parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`, parameters };
}

/** ` LIMIT n`, or nothing. */
export function limit(count: number | undefined): string {
  return count === undefined ? '' : ` LIMIT ${Math.max(0, Math.floor(count))}`;
}
