/** The keys that the config names; without identities where it names none: such a process reads nothing back. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretResolver } from '../client/connection-options';
import type { HoldfastConfig } from '../config/schema';
import { loadKeys } from '../repository/keys';

export async function openKeys(config: HoldfastConfig, secrets: SecretResolver): Promise<ReturnType<typeof loadKeys>> {
  const { repository, idKey, signingKey, identities } = config.keys;
  const isFolder = (await stat(repository).catch(() => null))?.isDirectory() ?? false;
  return loadKeys({
    description: await secrets(`file:${isFolder ? join(repository, 'repository.json') : repository}`),
    idKey: await secrets(idKey),
    signingKey: signingKey === undefined ? null : await secrets(signingKey),
    identities: await Promise.all(identities.map((reference) => secrets(reference))),
  });
}
