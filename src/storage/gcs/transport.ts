import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { abortReason, throwIfAborted } from '../timing';

const CONNECT_TIMEOUT_MS = 10_000;
/** A socket that nobody used for so long is closed by us, before the other side does it in mid-request. */
const IDLE_SOCKET_MS = 30_000;
/** Of an answer that is only read for its message. */
const MAX_ERROR_BYTES = 64 * 1024;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other, without being joined. */
  readonly body?: readonly Buffer[];
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Whole; of an error no more than its first 64 KiB. */
  readonly body: Buffer;
}

export interface HttpTransport {
  /** Rejects with the signal's reason, or with a system error when no whole answer came. Tries once. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Closes every socket, those in use too. */
  close(): void;
}

export interface TransportOptions {
  /** Sockets at once; further requests wait for one. */
  readonly maxSockets: number;
  /** A socket on which nothing moves for this long is given up, ms. */
  readonly idleTimeoutMs: number;
}

/**
 * One request over HTTP or HTTPS: whole bodies in and out, cancelled down to the socket, nothing tried again. Google's own
 * client cannot end a request that runs, and joins what it sends.
 */
export function createHttpTransport(options: TransportOptions): HttpTransport {
  const pool = { keepAlive: true, maxSockets: options.maxSockets, timeout: IDLE_SOCKET_MS };
  const agents = { 'http:': new HttpAgent(pool), 'https:': new HttpsAgent(pool) };
  return {
    send: (request) => sendOnce(request, agents, options.idleTimeoutMs),
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

type Agents = Readonly<Record<string, HttpAgent>>;

async function sendOnce(request: HttpRequest, agents: Agents, idleTimeoutMs: number): Promise<HttpAnswer> {
  const { method, url, signal, body = [] } = request;
  throwIfAborted(signal);
  const bytes = body.reduce((sum, part) => sum + part.length, 0);
  const headers = { ...request.headers, ...(method === 'GET' ? {} : { 'content-length': String(bytes) }) };
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const sending = start(url, { method, headers, agent: agents[url.protocol] });
  const onAbort = () => sending.destroy(abortReason(signal!));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      // Stays: a socket that breaks after the answer came must not end the process.
      sending.on('error', reject);
      sending.once('response', resolve);
      sending.setTimeout(idleTimeoutMs, () => sending.destroy(timedOut(`nothing moved for ${idleTimeoutMs} ms`)));
      limitConnecting(sending);
      for (const part of body) sending.write(part);
      sending.end();
    });
    const answer = { status: incoming.statusCode!, headers: incoming.headers, body: await readAnswer(incoming) };
    // Refused before it was all sent: the rest would be taken for the next request by some servers.
    if (!sending.writableFinished) sending.destroy();
    return answer;
  } catch (error) {
    sending.destroy();
    if (signal?.aborted) throw abortReason(signal);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** An address that swallows packets is given up sooner than a server that thinks. */
function limitConnecting(sending: ReturnType<typeof httpRequest>): void {
  sending.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => sending.destroy(timedOut('no connection')), CONNECT_TIMEOUT_MS);
    for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
  });
}

async function readAnswer(incoming: IncomingMessage): Promise<Buffer> {
  const failed = (incoming.statusCode ?? 0) >= 300;
  const announced = incoming.headers['content-length'];
  const whole = failed || announced === undefined ? null : Buffer.allocUnsafeSlow(Number(announced));
  const chunks: Buffer[] = [];
  let at = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    if (whole !== null) chunk.copy(whole, at);
    else if (!failed || at < MAX_ERROR_BYTES) chunks.push(chunk);
    at += chunk.length;
  }
  if (whole !== null && at !== whole.length) throw cutOff();
  return whole ?? Buffer.concat(chunks);
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

function cutOff(): Error {
  return Object.assign(new Error('the answer was cut off'), { code: 'ECONNRESET' });
}
