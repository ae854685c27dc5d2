import { Connection } from '@temporalio/client';
import {
  CONNECT_TIMEOUT_MS,
  temporalEndpoint,
  temporalFault,
  type SecretResolver,
  type TemporalConfig,
} from './connection-options';

/** Connects and sees that the server answers, or says within ten seconds why not. */
export async function connectTemporal(config: TemporalConfig, secrets: SecretResolver): Promise<Connection> {
  const endpoint = await temporalEndpoint(config, secrets);
  try {
    return await Connection.connect({ ...endpoint, connectTimeout: CONNECT_TIMEOUT_MS });
  } catch (error) {
    throw temporalFault(error, config);
  }
}
