/** The one typed way to start, signal, query and schedule. */
import { Client } from '@temporalio/client';
import type { HoldfastConfig } from '../config/schema';
import { createCalls } from './calls';
import { connectTemporal } from './connect';
import type { SecretResolver } from './connection-options';
import { dumpCountCalls } from './dump-count';
import { heavyWorkCalls } from './heavy-work';
import { loadWatchCalls } from './load-watches';
import { scheduleCalls } from './schedules';
import { serverCalls } from './server';
import { startingCalls } from './starting';
import { storeWatchCalls } from './store-watches';
import { steeringCalls } from './steering';
import type { HoldfastClient } from './types';

export interface CreateClientOptions {
  readonly secrets: SecretResolver;
  /** Who acts, shown in the Temporal Web UI: `ana@laptop`. */
  readonly identity: string;
}

/** Connects; throws TEMPORAL_UNREACHABLE within ten seconds when nothing answers. */
export async function createClient(config: HoldfastConfig, options: CreateClientOptions): Promise<HoldfastClient> {
  const { namespace } = config.temporal;
  const connection = await connectTemporal(config.temporal, options.secrets);
  const client = new Client({ connection, namespace, identity: options.identity });
  const calls = createCalls(client, config.temporal);
  return {
    ...startingCalls(calls, config),
    ...steeringCalls(calls, namespace),
    ...heavyWorkCalls(calls, config),
    ...dumpCountCalls(calls),
    ...scheduleCalls(calls, config),
    ...storeWatchCalls(calls, config),
    ...loadWatchCalls(calls, config),
    ...serverCalls(calls, connection, config),
    close: () => connection.close(),
  };
}
