import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { z } from 'zod';
import type { storeSchema } from '../src/config/schema';
import type { EmbeddedS3 } from '../src/provision';

/** As written in holdfast.yaml. */
export type StoreInput = z.input<typeof storeSchema>;

/** A store behind an address. */
export type ServedStore = Extract<StoreInput, { adapter: 's3' }> & { readonly endpoint: string };

interface Common {
  readonly keysDir: string;
  readonly stores: readonly StoreInput[];
  readonly binDirs: readonly string[];
}
export type ChildRequest =
  | (Common & {
      readonly op: 'backup';
      /** postgresql:// URL. */
      readonly source: string;
      /** Backup to reuse from; null for a full one. */
      readonly base: string | null;
      readonly segmentBytes: number;
      readonly inFlight: number;
    })
  | (Common & {
      readonly op: 'restore';
      readonly backupId: string;
      readonly target: string;
      readonly scratchDir: string;
    })
  | (Common & { readonly op: 'prove'; readonly backupId: string; readonly scratchDir: string })
  /** From the first store to the second. */
  | (Common & { readonly op: 'fill'; readonly backupId: string; readonly heal: boolean })
  /** Puts and reads back `objects` objects of `objectBytes`, four at once, at the first store. */
  | (Common & { readonly op: 'rates'; readonly objects: number; readonly objectBytes: number });

export interface ChildAnswer {
  readonly ms: number;
  readonly rssBytes: number;
  readonly backupId: string;
  readonly facts: Readonly<Record<string, number>>;
}

/** Runs one operation in a fresh process. Credentials of the stores go by its environment. */
export function runHoldfast(request: ChildRequest, env: NodeJS.ProcessEnv): Promise<ChildAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(__dirname, 'holdfast-child.js')], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // By its input: arguments can be read by everybody on the machine.
    child.stdin.end(JSON.stringify(request));
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-8000)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout.trim().split('\n').at(-1)!) as ChildAnswer);
      else reject(new Error(`holdfast ${request.op} ended with ${code}:\n${stderr}`));
    });
  });
}

export function folderStore(name: string, path: string): StoreInput {
  return { name, adapter: 'filesystem', path };
}

/** A store at a local S3 server, and the environment that its references name. */
export function s3Store(
  name: string,
  server: EmbeddedS3,
  bucket: string,
): { store: ServedStore; env: NodeJS.ProcessEnv } {
  const variable = `BENCH_${name.toUpperCase()}`;
  return {
    store: {
      name,
      adapter: 's3',
      bucket,
      endpoint: server.endpoint,
      pathStyle: true,
      accessKeyId: `env:${variable}_ID`,
      secretAccessKey: `env:${variable}_SECRET`,
    },
    env: { [`${variable}_ID`]: server.accessKeyId, [`${variable}_SECRET`]: server.secretAccessKey },
  };
}
