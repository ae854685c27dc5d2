/** Registers Holdfast's search attributes: they must exist before the first run that sets them. */
import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTE_NAMES } from '../workflows/search-attributes';

const KEYWORD = temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
const PATIENCE_MS = 15_000;
const LOOK_MS = 200;

export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<readonly string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return SEARCH_ATTRIBUTE_NAMES.filter((name) => !(name in (customAttributes ?? {})));
}

/** Adds those that are missing, waits until the server shows them, and returns their names. Safe by several at once. */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<readonly string[]> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return [];
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    // Another worker may have been quicker; whether all are there is asked below.
    if (!/already exist/i.test(String(error))) throw error;
  }
  const deadline = Date.now() + PATIENCE_MS;
  while ((await missingSearchAttributes(connection, namespace)).length > 0 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  return missing;
}
