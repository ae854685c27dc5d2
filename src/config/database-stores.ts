import type { StoreRole } from '../domain/names';
import type { HoldfastConfig } from './schema';

const ROLES: readonly StoreRole[] = ['primary', 'secondary', 'offsite'];

/** Names of the stores of one database, primary first. */
export function storesOf(config: Pick<HoldfastConfig, 'databases' | 'stores'>, database: string): readonly string[] {
  const wanted = config.databases.find((one) => one.name === database)?.stores ?? [];
  return config.stores
    .filter((store) => wanted.length === 0 || wanted.includes(store.name))
    .sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role))
    .map((store) => store.name);
}
