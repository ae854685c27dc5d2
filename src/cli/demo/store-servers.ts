/** The servers behind the demo's stores: each can be taken down and brought back at its own address. */
import { join } from 'node:path';
import { demoError } from '../../errors/demo';
import { ensureTool, startEmbeddedGcs, startEmbeddedS3, type ManagedProcess } from '../../provision';
import type { DemoSetup } from './environment';
import { PARTS } from './folder';

const BUCKET = 'holdfast-demo';

/** A server of the demo that holds a store. */
export interface StoreServer {
  /** Kills the process, as a crash would. What it holds stays on its disk. */
  takeDown(): Promise<void>;
  /** Starts it again, at the same address; resolves once it answers. */
  bringBack(): Promise<void>;
}

export interface StoreServers {
  readonly s3: StoreServer & {
    readonly endpoint: string;
    readonly bucket: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  readonly gcs: StoreServer & { readonly endpoint: string; readonly bucket: string };
}

/** Finds or installs the programs. */
export async function storePrograms({ say, signal }: DemoSetup) {
  const s3 = await ensureTool('versitygw', { say, signal });
  const gcs = await ensureTool('fakeGcs', { say, signal });
  return { s3: s3.path, gcs: gcs.path };
}

export async function startStoreServers(
  { folder, say, signal, supervisor }: DemoSetup,
  programs: Awaited<ReturnType<typeof storePrograms>>,
): Promise<StoreServers> {
  const common = { buckets: [BUCKET], say, signal };
  const s3 = await restartable('S3', supervisor, () =>
    startEmbeddedS3({ ...common, program: programs.s3, folder: join(folder, PARTS.s3) }),
  );
  const gcs = await restartable('GCS', supervisor, () =>
    startEmbeddedGcs({ ...common, program: programs.gcs, folder: join(folder, PARTS.gcs) }),
  );
  const { endpoint, accessKeyId, secretAccessKey } = s3.first;
  return {
    s3: { ...s3.control, bucket: BUCKET, endpoint, accessKeyId, secretAccessKey },
    gcs: { ...gcs.control, bucket: BUCKET, endpoint: gcs.first.endpoint },
  };
}

interface Running {
  readonly endpoint: string;
  readonly process: ManagedProcess;
  stop(): Promise<void>;
}

/** Whatever runs of it at the end is ended by the supervisor, also what is being started just then. */
async function restartable<Server extends Running>(
  name: string,
  supervisor: DemoSetup['supervisor'],
  start: () => Promise<Server>,
): Promise<{ readonly first: Server; readonly control: StoreServer }> {
  let current = start();
  const stop = async () => (await current.catch(() => null))?.stop();
  supervisor.add(name, stop);
  const first = await current;
  return {
    first,
    control: {
      async takeDown() {
        const { process: server } = await current;
        if (!server.exit()) process.kill(server.pid, 'SIGKILL');
        await server.exited;
      },
      async bringBack() {
        current = start();
        const { endpoint } = await current;
        if (endpoint !== first.endpoint)
          throw demoError('DEMO_OUTAGE_FAILED', 'the server came back at another address, because its own was taken', {
            context: { server: name, was: first.endpoint, is: endpoint },
          });
      },
    },
  };
}
