/** Lists every store to know what it truly holds. A store that cannot be listed keeps its estimate until the next time. */
import { ApplicationFailure, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import type { MeasuredStore, StoreUsageInput, StoreUsageResult } from '../domain/runs';
import { failureFacts } from './failures';
import { measurements } from './proxies';

export async function storeUsage(input: StoreUsageInput): Promise<StoreUsageResult> {
  setCurrentDetails(`Listing ${input.stores.join(', ')}, asked by ${input.requestedBy}.`);
  const stores = await Promise.all(input.stores.map(measure));
  setCurrentDetails(card(stores));
  const failed = stores.filter(({ error }) => error !== null);
  if (stores.length > 0 && failed.length === stores.length) {
    const { code, message } = failed[0]!.error!;
    throw ApplicationFailure.create({ type: code, message, nonRetryable: true });
  }
  return { stores };
}

async function measure(store: string): Promise<MeasuredStore> {
  try {
    return await measurements().measureStore.executeWithOptions({ summary: `List ${store}` }, [{ store }]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, message } = failureFacts(error);
    return { store, bytes: 0, objects: 0, durationMs: 0, error: { code: type, message } };
  }
}

function card(stores: readonly MeasuredStore[]): string {
  const rows = stores.map(({ store, bytes, objects, error }) =>
    error === null ? `| ${store} | ${bytes} | ${objects} | |` : `| ${store} | | | ${error.code} |`,
  );
  return ['| Store | Bytes | Objects | |', '| --- | ---: | ---: | --- |', ...rows].join('\n');
}
