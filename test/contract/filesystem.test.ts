import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { filesystemStoreSchema } from '../../src/config/schema';
import { createStore } from '../../src/storage/create-store';
import { tempFolder } from '../support/temp';
import { describeObjectStore } from './object-store.suite';

describeObjectStore('a filesystem store', { createOnly: true, serverChecksum: false, large: false }, async () => {
  const temp = await tempFolder('filesystem');
  const root = path.join(temp.path, 'made', 'on-demand');
  const config = filesystemStoreSchema.parse({
    name: 'disk',
    adapter: 'filesystem',
    path: root,
    prefix: 'pre/fix',
    minFree: '1MiB',
  });
  const open = () => createStore(config, () => '');
  return {
    store: open(),
    reopen: open,
    manyObjects: 2_300,
    leftovers: async () => (await readdir(path.join(root, 'pre/fix/.holdfast-tmp'))).length,
    stop: () => temp.remove(),
  };
});
