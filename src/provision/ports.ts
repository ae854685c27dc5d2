import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Where servers that keep their port have it: below the ports that operating systems lend to outgoing connections (Linux from
 * 32768, others from 49152), one of which would else stand on it while the server is down for a moment.
 */
const KEPT = { from: 20_000, to: 32_768 } as const;
const TRIES = 50;

/** A TCP port on loopback that nobody listens on now; `preferred` when that one is free. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && preferred > 0) {
    const port = await tryListen(preferred);
    if (port !== null) return port;
  }
  for (let tried = 0; tried < TRIES; tried++) {
    const port = await tryListen(randomInt(KEPT.from, KEPT.to));
    if (port !== null) return port;
  }
  const port = await tryListen(0);
  if (port === null) throw new Error('the operating system has no free TCP port on 127.0.0.1');
  return port;
}

/** Several different free ports at once. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) found.add(await freePort());
  return [...found];
}

function tryListen(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address ? address.port : null;
      server.close(() => resolve(taken));
    });
  });
}
