/** Whether a server runs on this machine, as far as its address tells. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** An address that was looked up is taken to stay the same for so long, ms: machines fail over. */
const KNOWN_MS = 60_000;
const LOOKUP_MS = 1_000;

export interface LocalityOptions {
  /** Addresses of a name. @default those of the resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Addresses of this machine. @default those of its interfaces */
  readonly own?: () => readonly string[];
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/**
 * Asks for the address seldom. A name that does not resolve, or not soon, is somewhere else: what cannot be found does not run
 * here. A tunnel to another machine looks like a server on this one.
 */
export function createLocality(
  target: () => Promise<{ readonly host: string }>,
  options: LocalityOptions = {},
): () => Promise<boolean> {
  const { now = () => performance.now() } = options;
  let known: { readonly here: boolean; readonly until: number } | null = null;
  return async () => {
    if (known === null || now() >= known.until) {
      const here = await target()
        .then(({ host }) => isThisMachine(host, options))
        .catch(() => false);
      known = { here, until: now() + KNOWN_MS };
    }
    return known.here;
  };
}

/** `host` as libpq takes it: a name, an address, or the folder of a socket. */
export async function isThisMachine(host: string, options: LocalityOptions = {}): Promise<boolean> {
  if (host.startsWith('/') || host.startsWith('@')) return true;
  const { resolve = resolveSoon, own = ownAddresses } = options;
  const addresses = isIP(host) ? [host] : await resolve(host).catch(() => []);
  const ours = new Set(own());
  return addresses.some((address) => isLoopback(address) || ours.has(address));
}

const isLoopback = (address: string) => address === '::1' || /^(::ffff:)?127\./i.test(address);

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

/** A resolver that does not answer must not look like a sampler that hangs. */
async function resolveSoon(host: string): Promise<readonly string[]> {
  const found = lookup(host, { all: true }).then((all) => all.map(({ address }) => address));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((settle) => (timer = setTimeout(() => settle([]), LOOKUP_MS)));
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
    found.catch(() => undefined);
  }
}
