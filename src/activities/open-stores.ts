/** The stores that a dump writes to, as far as they open. */
import { errorFacts, isHoldfastError } from '../errors/holdfast-error';
import { orchestrationError } from '../errors/orchestration';
import type { ObjectStore } from '../storage/object-store';
import type { ActivityDeps } from './deps';
import type { DumpReports } from './dump-reports';
import { inTime } from './in-time';
import type { DumpInput, DumpResult } from './types';

/** A store that was left out, and why. */
export type Unopened = DumpResult['behind'][number];

type OpenDeps = Pick<ActivityDeps, 'stores' | 'timing'>;

/** The stores of the plan; where none of them can be opened, those that were left out because of their breaker. */
export async function openSome(
  deps: OpenDeps,
  { stores, reserve = [] }: DumpInput,
  reports: DumpReports,
  signal: AbortSignal,
): Promise<{ readonly stores: readonly ObjectStore[]; readonly unopened: readonly Unopened[] }> {
  const first = await openStores(deps, stores, reports, signal);
  if (first.stores.length > 0) return first;
  const second = reserve.length === 0 ? null : await openStores(deps, reserve, reports, signal);
  if (second === null || second.stores.length === 0)
    throw noStore([...stores, ...reserve], [...first.errors, ...(second?.errors ?? [])]);
  return { stores: second.stores, unopened: [...first.unopened, ...second.unopened] };
}

/** One store that opens is enough; the others are reported as behind, and filled later. */
async function openStores(
  deps: OpenDeps,
  names: readonly string[],
  reports: DumpReports,
  signal: AbortSignal,
): Promise<{
  readonly stores: readonly ObjectStore[];
  readonly unopened: readonly Unopened[];
  readonly errors: readonly unknown[];
}> {
  const ms = deps.timing.probeMs;
  const tooLate = (store: string) =>
    orchestrationError('RUN_NO_STORE', 'the store did not answer in time', { context: { store, ms } });
  const opened = await Promise.all(
    names.map(async (name): Promise<{ store: ObjectStore | null; error: unknown }> => {
      try {
        return { store: await inTime(deps.stores.open(name), ms, () => tooLate(name)), error: null };
      } catch (error) {
        return { store: null, error };
      }
    }),
  );
  signal.throwIfAborted();
  const stores = opened.flatMap(({ store }) => (store ? [store] : []));
  const unopened = opened.flatMap(({ store, error }, index) =>
    store ? [] : [{ store: names[index]!, ...errorFacts(error) }],
  );
  unopened.forEach((fact) => reports.behind(fact));
  return { stores, unopened, errors: opened.flatMap(({ store, error }) => (store ? [] : [error])) };
}

/** What every store says, since none can be written to. Faults that no retry mends fail the run at once, as themselves. */
export function noStore(names: readonly string[], errors: readonly unknown[]): unknown {
  if (errors.every((error) => isHoldfastError(error) && !error.retryable)) return errors[0];
  const said = errors.map((error, index) => {
    const { code, message } = errorFacts(error);
    return `${names[index]}: ${code} ${message}`;
  });
  return orchestrationError('RUN_NO_STORE', `no store can be written to: ${said.join('; ')}`, { cause: errors[0] });
}
