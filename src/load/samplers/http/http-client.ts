/** One small request: timed, bounded, with headers by reference. No redirects: a secret header must not follow one elsewhere. */
import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { performance } from 'node:perf_hooks';
import type { SecretResolver } from '../../../storage/secrets';

export interface HttpClientOptions {
  /** @default GET */
  readonly method?: 'GET' | 'HEAD';
  /** Sent as they are. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with the values that these references stand for, resolved for each request. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  readonly secrets: SecretResolver;
  /** Of one request, from its start to the last byte. Milliseconds. */
  readonly timeoutMs: number;
  /** Longest body that is read. Bytes. @default 1 MiB */
  readonly maxBodyBytes?: number;
}

export type HttpOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly body: Buffer;
      readonly whole: boolean;
      readonly ms: number;
    }
  | { readonly kind: 'timedOut'; readonly ms: number }
  /** No answer at all. `code` is the system's word for it: `ECONNREFUSED`. */
  | { readonly kind: 'unreachable'; readonly code: string; readonly ms: number };

export interface HttpClient {
  /** Rejects with the signal's reason when aborted, and when a secret cannot be resolved; never for what the server does. */
  ask(url: URL, signal: AbortSignal): Promise<HttpOutcome>;
  close(): void;
}

const MIB = 2 ** 20;

/** Keeps connections between requests, so that a time is the answer's and not the handshake's. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { method = 'GET', timeoutMs, maxBodyBytes = MIB } = options;
  const plain = new PlainAgent({ keepAlive: true, maxSockets: 4 });
  const tls = new TlsAgent({ keepAlive: true, maxSockets: 4 });

  const resolveHeaders = async (): Promise<Record<string, string>> => {
    const headers: Record<string, string> = { 'user-agent': 'holdfast-load', ...options.headers };
    for (const [name, reference] of Object.entries(options.secretHeaders ?? {}))
      headers[name.toLowerCase()] = await options.secrets(reference);
    return headers;
  };

  const once = (url: URL, headers: Record<string, string>, signal: AbortSignal, budgetMs: number) =>
    new Promise<HttpOutcome & { readonly stale?: boolean }>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const started = performance.now();
      const ms = () => performance.now() - started;
      const secure = url.protocol === 'https:';
      const request = (secure ? tlsRequest : plainRequest)(url, { method, agent: secure ? tls : plain, headers });
      const settle = (done: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        done();
      };
      const onAbort = () => {
        request.destroy();
        settle(() => reject(signal.reason));
      };
      const timer = setTimeout(() => {
        request.destroy();
        settle(() => resolve({ kind: 'timedOut', ms: ms() }));
      }, budgetMs);
      signal.addEventListener('abort', onAbort, { once: true });
      const broken = (error: Error) =>
        settle(() => {
          const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
          resolve({ kind: 'unreachable', code, ms: ms(), stale: request.reusedSocket });
        });
      request.on('error', broken);
      request.on('response', (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const answered = (whole: boolean) =>
          settle(() =>
            resolve({
              kind: 'answered',
              status: response.statusCode ?? 0,
              body: Buffer.concat(chunks),
              whole,
              ms: ms(),
            }),
          );
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= maxBodyBytes) return void chunks.push(chunk);
          // Long enough to know how fast it answers; the rest would only cost both sides.
          answered(false);
          request.destroy();
        });
        response.on('end', () => answered(true));
        response.on('error', broken);
        response.on('aborted', () => broken(Object.assign(new Error('cut off'), { code: 'ECONNRESET' })));
      });
      request.end();
    });

  return {
    async ask(url, signal) {
      const headers = await resolveHeaders();
      const first = await once(url, headers, signal, timeoutMs);
      // A connection that the server closed while it was idle says nothing about the server.
      if (first.kind !== 'unreachable' || !first.stale || first.ms >= timeoutMs) return first;
      return once(url, headers, signal, timeoutMs - first.ms);
    },
    close() {
      plain.destroy();
      tls.destroy();
    },
  };
}
