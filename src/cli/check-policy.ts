/** What the stores of each database can do for the copy policy: for `config check` and `doctor`. */
import { complianceFacts } from '../config/compliance-facts';
import type { HoldfastConfig } from '../config/schema';
import { canSatisfy, everyStore, type PolicyStore } from '../domain/compliance';
import { withDisks } from './store-disks';

export interface PolicyCheck {
  /** Clauses that cannot be met, one sentence for each database. */
  readonly impossible: readonly { readonly database: string; readonly sentence: string }[];
  /** What one mishap would take together. */
  readonly warnings: readonly string[];
  /** Databases that a policy holds for. */
  readonly held: readonly string[];
}

/** Stats folders; opens no connection. `leftOut`: stores that take no new backups. */
export async function checkPolicy(
  config: HoldfastConfig,
  leftOut: (store: string) => boolean = () => false,
): Promise<PolicyCheck> {
  const impossible: { database: string; sentence: string }[] = [];
  const warnings = new Set<string>();
  const held: string[] = [];
  for (const { name } of config.databases) {
    const { policy, stores } = complianceFacts(config, name);
    const placed: readonly PolicyStore[] = (await withDisks(stores, config.stores)).filter(
      (store) => !leftOut(store.name),
    );
    const verdict = canSatisfy(policy ?? everyStore(placed), placed);
    verdict.impossible.forEach(({ sentence }) => impossible.push({ database: name, sentence }));
    verdict.warnings.forEach((warning) => warnings.add(warning));
    if (policy !== null) held.push(name);
    else if (placed.length === 1) warnings.add(`${name}: there is only one store`);
  }
  return { impossible, warnings: [...warnings], held };
}
