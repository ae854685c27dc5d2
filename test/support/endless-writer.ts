/** `run-ts.cjs endless-writer.ts FOLDER`: stores objects named by their content and prints each name once it is stored. */
import { createHash, randomBytes } from 'node:crypto';
import { filesystemStoreSchema } from '../../src/config/schema';
import { createStore } from '../../src/storage/create-store';

async function main(folder: string): Promise<void> {
  const config = filesystemStoreSchema.parse({ name: 'disk', adapter: 'filesystem', path: folder, minFree: '64MiB' });
  const store = createStore(config, () => '');
  // Bounded, should nobody end it.
  for (let count = 0; count < 64; count++) {
    const body = randomBytes(2 * 1024 * 1024 + count);
    const sha256 = createHash('sha256').update(body).digest('hex');
    await store.put(`${sha256.slice(0, 2)}/${sha256}`, body, { sha256, createOnly: true });
    process.stdout.write(`${sha256}\n`);
  }
}

void main(process.argv[2]!);
