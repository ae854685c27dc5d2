/** What was decided about stores, and stores that hold copies but stand in the configuration no more. */
import { lifeOf } from '../../../domain/store-life';
import type { CliContext } from '../../context';
import { plural } from '../../output/format';
import { ok, warn, type Finding } from './finding';

export async function checkStoreLife(context: CliContext): Promise<readonly Finding[]> {
  const { stores } = await context.config();
  const catalog = await context.catalog();
  const [lives, copies] = await Promise.all([catalog.storeLives(), catalog.copies({})]);
  const decided = stores.flatMap(({ name }) => {
    const state = lifeOf(lives, name);
    if (state === 'draining') return [ok(`store ${name}`, 'is draining: new backups do not go there')];
    if (state === 'retired')
      return [warn(`store ${name}`, 'is retired, but stands in the configuration', 'take it out of holdfast.yaml')];
    return [];
  });
  return [
    ...decided,
    ...vanishedStores(
      stores.map(({ name }) => name),
      copies,
    ).map(({ store, copies: held }) =>
      warn(
        `store ${store}`,
        `is not in the configuration, but ${plural(held, 'copy', 'copies')} are there by the catalogue; they count for nothing`,
        `put it back into holdfast.yaml, or let it go: holdfast store retire ${store} --dry-run`,
      ),
    ),
  ];
}

/** Stores with copies in good state that the configuration does not name. */
export function vanishedStores(
  configured: readonly string[],
  copies: readonly { readonly store: string; readonly state: string }[],
): readonly { readonly store: string; readonly copies: number }[] {
  const counts = new Map<string, number>();
  for (const { store, state } of copies) {
    if (!configured.includes(store) && (state === 'complete' || state === 'proved'))
      counts.set(store, (counts.get(store) ?? 0) + 1);
  }
  return [...counts].map(([store, held]) => ({ store, copies: held }));
}
