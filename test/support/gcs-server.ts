import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { gcsStoreSchema, type GcsStoreConfig } from '../../src/config/schema';
import { freePort } from './ports';
import { findBinary, startProcess, type TestProcess } from './processes';
import { tempFolder } from './temp';

export interface GcsTestServer {
  readonly endpoint: string;
  readonly port: number;
  /** The folder of the server: `<folder>/<bucket>/<key>` is the stored object. */
  readonly folder: string;
  readonly process: TestProcess;
  createBucket(name: string): Promise<void>;
  /** Settings of a store at this server, as loaded from a config file. */
  storeConfig(bucket: string, overrides?: Record<string, unknown>): GcsStoreConfig;
  stop(): Promise<void>;
}

/**
 * A server that speaks Google Cloud Storage (fake-gcs-server over a temporary folder) on a free loopback port. It asks for no
 * credentials, takes chunks of any size, and makes an object of what it has when it is asked how far an upload came.
 */
export async function startGcsServer(): Promise<GcsTestServer> {
  const binary = findBinary('fake-gcs-server', 'HOLDFAST_FAKE_GCS_BIN');
  const temp = await tempFolder('gcs');
  const folder = path.join(temp.path, 'buckets');
  await mkdir(folder);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const args = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-log-level', 'error'];
  let server: TestProcess;
  try {
    server = await startProcess(
      binary,
      [...args, '-backend', 'filesystem', '-filesystem-root', folder],
      async () => (await fetch(`${endpoint}/_internal/healthcheck`)).ok,
    );
  } catch (error) {
    await temp.remove();
    throw error;
  }
  return {
    endpoint,
    port,
    folder,
    process: server,
    async createBucket(name) {
      const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      if (!answer.ok) throw new Error(`the bucket ${name} was not made: ${answer.status} ${await answer.text()}`);
    },
    storeConfig: (bucket, overrides = {}) =>
      gcsStoreSchema.parse({ name: 'gcs', adapter: 'gcs', bucket, endpoint, anonymous: true, ...overrides }),
    async stop() {
      await server.stop();
      await temp.remove();
    },
  };
}
