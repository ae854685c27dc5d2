/** Sockets of PostgreSQL connections that read into one buffer each, for those who take many bytes from one. */
import { Socket } from 'node:net';

/** Bytes of the buffer: one read takes what has gathered, and it stays in the processor's cache. */
const READ_BYTES = 256 * 1024;

/** Gets the bytes of one read, which are overwritten by the next one. */
export type SocketTap = (bytes: Buffer) => void;

const taps = new WeakMap<Socket, { tap: SocketTap | null }>();

/**
 * A socket that allocates nothing for what it reads: a fresh buffer for each read, as sockets do, makes the collector run
 * again and again while a table passes. Whoever listens for `data` gets copies, as long as nobody taps it.
 * Not for TLS, which reads from the connection below the socket.
 */
export function createReadingSocket(): Socket {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const taken: { tap: SocketTap | null } = { tap: null };
  const socket: Socket = new Socket({
    onread: {
      buffer,
      callback(bytes) {
        const read = buffer.subarray(0, bytes);
        if (taken.tap) taken.tap(read);
        else socket.emit('data', Buffer.from(read));
        return true;
      },
    },
  });
  taps.set(socket, taken);
  return socket;
}

/** From now on `tap` gets what the socket reads, and `data` is no longer emitted; null: as before. False: not such a socket. */
export function tapSocket(socket: Socket, tap: SocketTap | null): boolean {
  const taken = taps.get(socket);
  if (!taken) return false;
  taken.tap = tap;
  return true;
}
