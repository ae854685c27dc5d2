/** One store of each kind on a real server (Supabase Storage: its stand-in), for faults that every kind must survive. */
import path from 'node:path';
import { filesystemStoreSchema, gcsStoreSchema, type StoreConfig } from '../../src/config/schema';
import { createStore, type StoreDependencies } from '../../src/storage/create-store';
import type { ObjectStore } from '../../src/storage/object-store';
import { startGcsServer } from './gcs-server';
import { startGcsStandIn } from './gcs-stand-in';
import { startS3Server } from './s3-server';
import { startSupabaseServer } from './supabase-server';
import { tempFolder } from './temp';

export type StoreKind = ObjectStore['kind'];

export interface OpenOptions extends StoreDependencies {
  /** @default the kind */
  readonly name?: string;
  readonly prefix?: string;
  /** A proxy that stands before the server. */
  readonly port?: number;
  readonly limits?: Readonly<Record<string, unknown>>;
}

export interface StoreWorld {
  readonly kind: StoreKind;
  /** Of the server; 0 where there is none. */
  readonly port: number;
  /** From this size on an object goes in parts of some MiB; Infinity where there is nothing of the kind. */
  readonly largeFrom: number;
  open(options?: OpenOptions): ObjectStore;
  /** As a config file has it, for a server in `config`; secrets are values of `secrets`. */
  config(options?: OpenOptions): StoreConfig;
  /** The file that holds the bytes of an object, below everything that the provider does. */
  file(prefix: string, key: string): string;
  /** Uploads that were begun and neither finished nor given up; null where the server cannot tell. */
  unfinished(): Promise<number | null>;
  stop(): Promise<void>;
}

/** Kinds that are reached over a network. */
export const NETWORK_KINDS: readonly StoreKind[] = ['s3', 'gcs', 'supabase'];
export const ALL_KINDS: readonly StoreKind[] = ['filesystem', ...NETWORK_KINDS];

const BUCKET = 'faults';
const MIB = 1024 * 1024;

export async function startStoreWorld(kind: StoreKind): Promise<StoreWorld> {
  return { filesystem: folderWorld, s3: s3World, gcs: gcsWorld, supabase: supabaseWorld }[kind]();
}

/** For uploads in parts that are broken off: Google's emulator has none that could be resumed, its stand-in has. */
export async function startUploadWorld(kind: StoreKind): Promise<StoreWorld> {
  return kind === 'gcs' ? gcsUploadWorld() : startStoreWorld(kind);
}

type Parts = Omit<StoreWorld, 'open'> & { readonly secrets: (reference: string) => string };

function world({ secrets, ...parts }: Parts): StoreWorld {
  return {
    ...parts,
    open(options = {}) {
      const { metrics, timing } = options;
      return createStore(parts.config(options), secrets, { metrics, timing });
    },
  };
}

const settings = ({ name, prefix, limits }: OpenOptions, kind: StoreKind) => ({
  name: name ?? kind,
  prefix: prefix ?? '',
  limits: limits ?? {},
});

async function folderWorld(): Promise<StoreWorld> {
  const temp = await tempFolder('world');
  const place = path.join(temp.path, 'store');
  return world({
    kind: 'filesystem',
    port: 0,
    largeFrom: Infinity,
    config: (options = {}) =>
      filesystemStoreSchema.parse({
        adapter: 'filesystem',
        path: place,
        minFree: '0B',
        ...settings(options, 'filesystem'),
      }),
    secrets: () => '',
    file: (prefix, key) => path.join(place, prefix, key),
    unfinished: async () => null,
    stop: () => temp.remove(),
  });
}

async function s3World(): Promise<StoreWorld> {
  const server = await startS3Server();
  await server.createBucket(BUCKET);
  return world({
    kind: 's3',
    port: server.port,
    largeFrom: 6 * MIB,
    config: (options = {}) =>
      server.storeConfig(BUCKET, {
        multipartThreshold: '6MiB',
        partSize: '5MiB',
        ...settings(options, 's3'),
        ...(options.port && { endpoint: `http://127.0.0.1:${options.port}` }),
      }),
    secrets: server.secrets as (reference: string) => string,
    file: (prefix, key) => path.join(server.folder, BUCKET, prefix, key),
    unfinished: () => server.unfinishedUploads(BUCKET),
    stop: () => server.stop(),
  });
}

async function gcsWorld(): Promise<StoreWorld> {
  const server = await startGcsServer();
  await server.createBucket(BUCKET);
  return world({
    kind: 'gcs',
    port: server.port,
    largeFrom: 2 * MIB,
    config: (options = {}) =>
      server.storeConfig(BUCKET, {
        resumableThreshold: '2MiB',
        chunkSize: '1MiB',
        ...settings(options, 'gcs'),
        ...(options.port && { endpoint: `http://127.0.0.1:${options.port}` }),
      }),
    secrets: () => '',
    file: (prefix, key) => path.join(server.folder, BUCKET, prefix, key),
    unfinished: async () => null,
    stop: () => server.stop(),
  });
}

async function gcsUploadWorld(): Promise<StoreWorld> {
  const server = await startGcsStandIn();
  const { port } = new URL(server.endpoint);
  return world({
    kind: 'gcs',
    port: Number(port),
    largeFrom: 2 * MIB,
    config: (options = {}) =>
      gcsStoreSchema.parse({
        adapter: 'gcs',
        bucket: BUCKET,
        anonymous: true,
        resumableThreshold: '2MiB',
        chunkSize: '1MiB',
        ...settings(options, 'gcs'),
        endpoint: `http://127.0.0.1:${options.port ?? port}`,
      }),
    secrets: () => '',
    file: () => {
      throw new Error('the stand-in keeps its objects in memory');
    },
    unfinished: async () => [...server.sessions.values()].filter(({ state }) => state === 'open').length,
    stop: () => server.stop(),
  });
}

async function supabaseWorld(): Promise<StoreWorld> {
  const server = await startSupabaseServer();
  server.createBucket(BUCKET);
  return world({
    kind: 'supabase',
    port: server.port,
    largeFrom: 6 * MIB,
    config: (options = {}) =>
      server.storeConfig(BUCKET, {
        ...settings(options, 'supabase'),
        ...(options.port && { url: `http://127.0.0.1:${options.port}` }),
      }),
    secrets: server.secrets as (reference: string) => string,
    file: (prefix, key) => server.objectPath(BUCKET, path.posix.join(prefix, key)),
    unfinished: () => server.unfinishedUploads(),
    stop: () => server.stop(),
  });
}
