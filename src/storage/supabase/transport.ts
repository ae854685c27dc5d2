import http from 'node:http';
import https from 'node:https';
import { storageError } from '../../errors/storage';
import { abortReason, throwIfAborted } from '../timing';

const CONNECT_TIMEOUT_MS = 10_000;
/** A kept socket that the server closed in the same moment is the one failure that says nothing; it is tried once more. */
const STALE = new Set(['ECONNRESET', 'EPIPE']);

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal?: AbortSignal;
  /** Takes the body of a success piece by piece, so that it is not kept; the answer's `body` is empty then. */
  readonly sink?: (chunk: Buffer) => void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface TransportOptions {
  readonly store: string;
  /** A socket on which nothing moves for this long is given up, ms. */
  readonly idleTimeoutMs: number;
  /** Sockets at once. */
  readonly maxSockets: number;
}

/**
 * Plain HTTP for storage-js and tus-js-client: no redirects, no retries, whole bodies, aborted at the socket.
 *
 * A request with a body has a socket of its own (`connection: close`). Supabase Storage may refuse an upload without
 * reading it and keep the connection open; what is left of the body then stands before the next request on that socket,
 * which is never answered.
 */
export class Transport {
  private readonly kept: Agents;
  private readonly single: Agents;
  private readonly open = new Set<http.ClientRequest>();

  constructor(private readonly options: TransportOptions) {
    this.kept = agents({ keepAlive: true, maxSockets: options.maxSockets });
    this.single = agents({ keepAlive: false, maxSockets: options.maxSockets });
  }

  async send(call: HttpCall): Promise<HttpAnswer> {
    throwIfAborted(call.signal);
    try {
      return await this.attempt(call);
    } catch (error) {
      if (!(error instanceof StaleSocket) || call.signal?.aborted) throw error;
      return this.attempt(call);
    }
  }

  /** Ends what is under way and every idle socket. */
  close(): void {
    for (const request of this.open)
      request.destroy(storageError('STORE_CLOSED', '', { context: { store: this.options.store } }));
    for (const { http: plain, https: secure } of [this.kept, this.single]) {
      plain.destroy();
      secure.destroy();
    }
  }

  private attempt(call: HttpCall): Promise<HttpAnswer> {
    const { signal, body } = call;
    const url = new URL(call.url);
    const secure = url.protocol === 'https:';
    const pool = body === undefined ? this.kept : this.single;
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).request(url, {
        method: call.method,
        agent: secure ? pool.https : pool.http,
        headers: { ...call.headers, ...(body && { 'content-length': String(body.length) }) },
      });
      this.open.add(request);
      const connecting = setTimeout(() => request.destroy(timeout('connect')), CONNECT_TIMEOUT_MS);
      const aborted = () => request.destroy(abortReason(signal!));
      let answering = false;
      const settle = (outcome: () => void) => {
        clearTimeout(connecting);
        signal?.removeEventListener('abort', aborted);
        this.open.delete(request);
        outcome();
      };
      const fail = (error: Error) =>
        settle(() => {
          const stale = request.reusedSocket && !answering && STALE.has((error as NodeJS.ErrnoException).code ?? '');
          reject(stale && !signal?.aborted ? new StaleSocket(error) : error);
        });
      signal?.addEventListener('abort', aborted, { once: true });
      request.once('socket', (socket) => {
        if (!socket.connecting) return clearTimeout(connecting);
        socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
      });
      request.setTimeout(this.options.idleTimeoutMs, () => request.destroy(timeout('answer')));
      request.on('error', fail);
      request.on('response', (response) => {
        answering = true;
        // The answer counts, whatever becomes of the rest of a body that the server did not want.
        request.off('error', fail);
        request.on('error', (error) => response.destroy(error));
        collect(response, call.sink).then(
          (collected) => {
            settle(() => resolve({ status: response.statusCode!, headers: response.headers, body: collected }));
            if (!request.writableFinished) request.destroy();
          },
          (error: Error) => {
            request.destroy();
            fail(signal?.aborted ? abortReason(signal) : error);
          },
        );
      });
      request.end(body);
    });
  }
}

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

function agents(options: http.AgentOptions): Agents {
  return { http: new http.Agent(options), https: new https.Agent(options) };
}

/** A socket that had served before and was closed by the server before it took this request. */
class StaleSocket extends Error {
  readonly code = 'ECONNRESET';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

function timeout(phase: string): Error {
  return Object.assign(new Error(`no ${phase} in time`), { code: 'ETIMEDOUT' });
}

/** The whole body; a connection that ends before the announced length is an error of the stream (ECONNRESET). */
async function collect(response: http.IncomingMessage, sink: HttpCall['sink']): Promise<Buffer> {
  const announced = Number(response.headers['content-length'] ?? NaN);
  const use = sink !== undefined && response.statusCode! >= 200 && response.statusCode! < 300;
  const whole = !use && Number.isSafeInteger(announced) ? Buffer.allocUnsafeSlow(announced) : null;
  const chunks: Buffer[] = [];
  let at = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (use) sink(chunk);
    else if (whole) chunk.copy(whole, at);
    else chunks.push(chunk);
    at += chunk.length;
  }
  return use ? Buffer.alloc(0) : (whole ?? Buffer.concat(chunks));
}
