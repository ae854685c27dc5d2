import { supabaseStoreSchema, type SupabaseStoreConfig } from '../../src/config/schema';
import { createStore, type SecretResolver } from '../../src/storage/create-store';
import { startSupabaseServer, type SupabaseTestServer } from '../support/supabase-server';
import { describeObjectStore, type ContractSubject } from './object-store.suite';

const LARGE_FROM = 6 * 1024 * 1024;
const limits = { maxRequests: 16 };
const traits = { createOnly: true, serverChecksum: false, large: true };

function subject(
  config: SupabaseStoreConfig,
  secrets: SecretResolver,
  server: SupabaseTestServer | null,
): ContractSubject {
  const open = () => createStore(config, secrets);
  return {
    store: open(),
    reopen: open,
    largeFrom: LARGE_FROM,
    manyObjects: 1_150,
    leftovers: server ? () => server.unfinishedUploads() : undefined,
    stop: async () => server?.stop(),
  };
}

describe.each([
  { title: 'a bucket read back after each upload', settings: { prefix: 'some/prefix' }, basePath: '' },
  { title: 'a gateway in front and nothing read back', settings: { verifyUploads: false }, basePath: '/storage/v1' },
])('the stand-in', ({ title, settings, basePath }) => {
  describeObjectStore(`a Supabase store with ${title}`, traits, async () => {
    const server = await startSupabaseServer({ basePath });
    server.createBucket('contract');
    return subject(server.storeConfig('contract', { limits, ...settings }), server.secrets, server);
  });
});

// A project of your own: HOLDFAST_TEST_SUPABASE_URL, _KEY and _BUCKET.
const env = (name: string) => process.env[`HOLDFAST_TEST_SUPABASE_${name}`];
if (env('URL') && env('KEY') && env('BUCKET'))
  describeObjectStore(`the Supabase store at ${env('URL')}`, traits, async () =>
    subject(
      supabaseStoreSchema.parse({
        name: 'real',
        adapter: 'supabase',
        url: env('URL'),
        bucket: env('BUCKET'),
        key: 'env:KEY',
        prefix: `holdfast-contract-${Date.now()}`,
        limits,
      }),
      () => env('KEY') ?? '',
      null,
    ),
  );
