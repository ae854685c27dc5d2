import { setTimeout as sleep } from 'node:timers/promises';
import { storeReports } from '../../catalog/store-reports';
import type { Catalog } from '../../catalog/types';
import type { HoldfastConfig } from '../../config/schema';
import { watchLimits } from '../../config/watch-limits';

const LOOK_MS = 500;
const PATIENCE_MS = 120_000;

export interface StoresWellOptions {
  readonly catalog: Catalog;
  readonly config: HoldfastConfig;
  readonly signal: AbortSignal;
}

/** Waits until the watch of every store is up to date and its breaker closed. False when that took too long. */
export async function storesWell({ catalog, config, signal }: StoresWellOptions): Promise<boolean> {
  const limits = watchLimits(config.health);
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const reports = await storeReports(catalog, config.stores, { limits, now: new Date() });
    if (reports.every(({ watch, state, breaker }) => watch === 'watched' && state !== 'down' && breaker === 'closed'))
      return true;
    if (Date.now() > deadline) return false;
    await sleep(LOOK_MS, undefined, { signal });
  }
}
