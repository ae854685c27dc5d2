import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it came in, before anybody has answered it. */
export interface FrontRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * What becomes of a request. `pass`: the server answers it. `lose-answer`: the server does what it was asked, and the
 * connection breaks before its answer. A number: this status instead of the server's answer, once the body has come in.
 */
export type FrontAction = 'pass' | 'lose-answer' | number;

export interface HttpFront {
  readonly port: number;
  /** Decides for each request; `pass` until it is set. A promise holds the request up. */
  decide: (request: FrontRequest) => FrontAction | Promise<FrontAction>;
  /** Requests that came in, as `METHOD /path?query`. */
  readonly seen: string[];
  stop(): Promise<void>;
}

/** A server in front of another one: where a fault belongs to one certain request rather than to a connection. */
export async function startHttpFront(upstreamPort: number): Promise<HttpFront> {
  const seen: string[] = [];
  const front = { decide: (): FrontAction => 'pass' } as Pick<HttpFront, 'decide'>;
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    seen.push(`${method} ${url}`);
    incoming.on('error', () => undefined);
    void Promise.resolve(front.decide({ method, url, headers })).then(
      (action) => {
        if (typeof action === 'number') {
          incoming.resume();
          incoming.on('end', () => outgoing.writeHead(action, { 'content-type': 'text/plain' }).end('busy'));
          return;
        }
        // The headers as they are, so that signatures hold.
        const onward = request({ host: '127.0.0.1', port: upstreamPort, method, headers, path: url });
        onward.on('error', () => incoming.socket.destroy());
        onward.on('response', (reply: IncomingMessage) => {
          if (action === 'lose-answer') {
            reply.resume();
            reply.on('end', () => incoming.socket.resetAndDestroy());
            return;
          }
          outgoing.writeHead(reply.statusCode!, reply.headers);
          reply.pipe(outgoing);
        });
        incoming.on('close', () => incoming.complete || onward.destroy());
        incoming.pipe(onward);
      },
      (error: Error) => incoming.socket.destroy(error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(front, {
    port: (server.address() as AddressInfo).port,
    seen,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
