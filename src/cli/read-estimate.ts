/** What reading from a store will take, for commands that say so before they begin. */
import { estimateRead, type ReadEstimate } from '../domain/reading';
import type { CliContext } from './context';
import { readCosts } from '../config/read-cost';

/** By the rate at which the store's objects were last read again, if the catalogue can be asked and knows. */
export async function readEstimateFor(
  context: CliContext,
  store: string,
  read: { readonly bytes: number; readonly objects: number },
): Promise<ReadEstimate> {
  const cycles = await context
    .catalog()
    .then((catalog) => catalog.intactCycles({ store, limit: 5 }))
    .catch(() => []);
  const samples = cycles.filter(({ readMs }) => readMs > 0).map(({ bytes, readMs }) => ({ bytes, ms: readMs }));
  return estimateRead({ ...read, cost: readCosts(await context.config())(store, read) }, samples);
}
