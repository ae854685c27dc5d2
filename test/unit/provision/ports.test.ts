import { createServer } from 'node:net';
import { freePort, freePorts } from '../../../src/provision/ports';

/** Holds a port of the loopback until the returned function is called. */
function hold(port: number): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () =>
      resolve(() => new Promise((closed) => server.close(() => closed()))),
    );
  });
}

test('a port lies where the operating system lends none to outgoing connections', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_768);
  }
});

test('the port of the last time is taken again while it is free, and another one when it is not', async () => {
  const port = await freePort();
  expect(await freePort(port)).toBe(port);
  const release = await hold(port);
  expect(await freePort(port)).not.toBe(port);
  await release();
});
