import type { HttpRequest, HttpResponse, HttpStack } from 'tus-js-client';
import { throwIfAborted } from '../timing';
import type { SupabaseAccess } from './access';
import type { SupabaseErrorContext } from './errors';
import type { HttpAnswer } from './transport';

export interface TusHttpOptions {
  readonly access: SupabaseAccess;
  readonly context: SupabaseErrorContext;
  readonly signal: AbortSignal | undefined;
  /** Bound of the request that creates an upload, ms: it is not ended by `signal`. */
  readonly createTimeoutMs: number;
}

/** Where uploads of a server are made. */
export function tusEndpoint(base: string): string {
  return `${base}/upload/resumable`;
}

/**
 * The upload's URL below the base URL, whatever origin and path a Location names: in production the server writes
 * https:// there even where it is reached by plain HTTP, and behind a gateway it may not know its own prefix. The key is
 * never sent to another host either.
 */
export function uploadUrl(base: string, location: string): string | undefined {
  const id = /([^/?#]+)\/?(?:[?#].*)?$/.exec(location)?.[1];
  return id === undefined ? undefined : `${tusEndpoint(base)}/${id}`;
}

/** Lets tus-js-client use our transport and, with each request, the key of now. */
export function tusHttpStack(options: TusHttpOptions): HttpStack {
  return {
    createRequest: (method, url) => new TusRequest(options, method, url),
    getName: () => 'HoldfastHttpStack',
  };
}

class TusRequest implements HttpRequest {
  private readonly headers: Record<string, string> = {};

  constructor(
    private readonly options: TusHttpOptions,
    private readonly method: string,
    private readonly url: string,
  ) {}

  getMethod(): string {
    return this.method;
  }
  getURL(): string {
    return this.url;
  }
  setHeader(header: string, value: string): void {
    this.headers[header] = value;
  }
  getHeader(header: string): string | undefined {
    return this.headers[header];
  }
  setProgressHandler(): void {
    // Nobody watches the bytes of one object.
  }

  async send(body: Buffer | null = null): Promise<HttpResponse> {
    const { access, context, createTimeoutMs, signal } = this.options;
    throwIfAborted(signal);
    // An upload whose URL was lost to an abort could not be ended at the store.
    const ends = this.method === 'POST' ? AbortSignal.timeout(createTimeoutMs) : signal;
    const request = { method: this.method, url: this.url, headers: this.headers, signal: ends };
    // A creation has no body, but it may be refused like one that has: it is not to share a socket either.
    const answer = await access.send(
      { ...request, body: body ?? (this.method === 'POST' ? Buffer.alloc(0) : undefined) },
      context,
    );
    return new TusResponse(answer, access.url);
  }

  async abort(): Promise<void> {
    // Requests end by the signal.
  }
  getUnderlyingObject(): null {
    return null;
  }
}

class TusResponse implements HttpResponse {
  constructor(
    private readonly answer: HttpAnswer,
    private readonly base: string,
  ) {}

  getStatus(): number {
    return this.answer.status;
  }
  getHeader(header: string): string | undefined {
    const value = this.answer.headers[header.toLowerCase()];
    const text = Array.isArray(value) ? value[0] : value;
    return header.toLowerCase() === 'location' && text !== undefined ? uploadUrl(this.base, text) : text;
  }
  getBody(): string {
    return this.answer.body.toString('utf8');
  }
  getUnderlyingObject(): null {
    return null;
  }
}
