import { once } from 'node:events';
import { createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { createReadingSocket, tapSocket } from '../../../src/postgres/socket';

let server: Server;
let peer: Promise<Socket>;
beforeEach(async () => {
  server = createServer();
  peer = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  (await peer).destroy();
  server.close();
  await once(server, 'close');
});
const open = async () => {
  const socket = createReadingSocket();
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

describe('a socket that reads into one buffer', () => {
  it('gives listeners bytes that they may keep', async () => {
    const socket = await open();
    const kept: Buffer[] = [];
    socket.on('data', (data: Buffer) => kept.push(data));
    for (const [index, text] of ['first', 'second'].entries()) {
      (await peer).write(text);
      await until(() => kept.length > index);
    }
    expect(kept.map(String)).toEqual(['first', 'second']);
    socket.destroy();
  });

  it('gives all to a tap as long as there is one, and nothing while it is paused', async () => {
    const socket = await open();
    const heard: string[] = [];
    socket.on('data', (data: Buffer) => heard.push(String(data)));
    let tapped = '';
    expect(tapSocket(socket, (bytes) => void (tapped += bytes.toString()))).toBe(true);
    (await peer).write('rows');
    await until(() => tapped === 'rows');
    socket.pause();
    const writer = await peer;
    await new Promise((resolve) => writer.write(' and more', resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(tapped).toBe('rows');
    socket.resume();
    await until(() => tapped === 'rows and more');
    tapSocket(socket, null);
    (await peer).write('the end');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['the end']);
    socket.destroy();
  });

  it('tells of the end and of the close', async () => {
    const socket = await open();
    socket.on('data', () => undefined);
    const ended = once(socket, 'end');
    (await peer).end();
    await ended;
    if (!socket.closed) await once(socket, 'close');
  });

  it('cannot be tapped when it is of another kind', async () => {
    (await open()).destroy();
    expect(tapSocket(new Socket(), () => undefined)).toBe(false);
  });
});
