import { storageError } from '../../errors/storage';
import { abortReason, throwIfAborted } from '../timing';
import type { GcsCredentials, GcsSettings } from './credentials';
import { connectionError, faultOf, gcsError, type GcsErrorContext, type GcsFault } from './errors';
import type { HttpAnswer, HttpRequest, HttpTransport } from './transport';

export const GOOGLE_ENDPOINT = 'https://storage.googleapis.com';

export interface GcsRequest {
  readonly method: HttpRequest['method'];
  /** Begins with `/`, or an address of its own: that of an upload session, which is its own authorisation. */
  readonly at: string | URL;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Buffer[];
  readonly signal?: AbortSignal;
  readonly context: GcsErrorContext;
  /** Answers that are no error to the caller, besides 2xx. */
  readonly accept?: readonly number[];
}

/** An error answer that the caller has to look at. */
export class GcsRefusal extends Error {
  constructor(
    readonly fault: GcsFault,
    /** The same as an error of the store. */
    readonly storeError: Error,
  ) {
    super(fault.message);
  }
}

/** Requests to the JSON API: authorised, cancellable, never tried again (the decorator decides). */
export class GcsClient {
  /** Without a slash at its end. */
  readonly endpoint: string;

  constructor(
    readonly config: GcsSettings,
    private readonly credentials: GcsCredentials,
    private readonly transport: HttpTransport,
  ) {
    this.endpoint = (config.endpoint ?? GOOGLE_ENDPOINT).replace(/\/+$/, '');
  }

  /** The answer of a request that succeeded; otherwise throws an error of the store. */
  async send(request: GcsRequest): Promise<HttpAnswer> {
    try {
      return await this.ask(request);
    } catch (error) {
      throw error instanceof GcsRefusal ? error.storeError : error;
    }
  }

  /** The same, but what the store refused comes as a GcsRefusal. */
  async ask(request: GcsRequest): Promise<HttpAnswer> {
    const answer = await this.authorised(request);
    if (isSuccess(answer) || request.accept?.includes(answer.status)) return answer;
    const fault = faultOf(answer);
    const answeredAt = Date.parse(answer.headers.date ?? '');
    throw new GcsRefusal(fault, gcsError(fault, request.context, Number.isNaN(answeredAt) ? undefined : answeredAt));
  }

  /** The address of an upload session as it is to be used: never past a configured endpoint. */
  sessionUrl(location: string, context: GcsErrorContext): URL {
    const given = URL.canParse(location, this.endpoint) ? new URL(location, this.endpoint) : null;
    if (given === null || !['http:', 'https:'].includes(given.protocol))
      throw storageError('STORE_SERVER_ERROR', 'the store gave no address to upload to', { context: { ...context } });
    return this.config.endpoint === undefined ? given : new URL(given.pathname + given.search, this.endpoint);
  }

  close(): void {
    this.transport.close();
  }

  /**
   * A refusal is believed when the credentials are still those that were sent: a token may be revoked before its time, and
   * what an old key may do no more, the one that has taken its place may.
   */
  private async authorised(request: GcsRequest): Promise<HttpAnswer> {
    const { at, signal } = request;
    if (typeof at !== 'string') return this.exchange(request, {});
    const sent = await this.credentials.headers(signal);
    const answer = await this.exchange(request, sent);
    if (answer.status === 401 ? !this.credentials.renew() : answer.status !== 403) return answer;
    const now = await this.credentials.headers(signal);
    return now.authorization === sent.authorization ? answer : this.exchange(request, now);
  }

  private async exchange(request: GcsRequest, authorisation: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    const { method, at, headers, body, signal, context } = request;
    throwIfAborted(signal);
    const own = typeof at === 'string';
    const url = own ? new URL(this.endpoint + at) : at;
    if (own)
      for (const [name, value] of Object.entries(request.query ?? {}))
        if (value !== undefined) url.searchParams.set(name, value);
    try {
      return await this.transport.send({ method, url, headers: { ...headers, ...authorisation }, body, signal });
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      throw connectionError(error, context);
    }
  }
}

function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300;
}

/** The JSON of an answer; throws STORE_SERVER_ERROR for what is none, as a page of a proxy. */
export function jsonOf<T>(answer: HttpAnswer, context: GcsErrorContext): Partial<T> {
  try {
    const parsed: unknown = JSON.parse(answer.body.toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null) return parsed as Partial<T>;
  } catch {
    // Said below.
  }
  throw storageError('STORE_SERVER_ERROR', 'the answer is not one of Google Cloud Storage', {
    context: { ...context, status: answer.status },
  });
}
