/**
 * A gate in front of the Google emulator, which asks for no credentials: it knows tokens by who they were given to, permits
 * what that account was granted, and refuses the rest in Google's words. Bucket settings, which the emulator does not keep,
 * are put into its answers.
 */
import { generateKeyPairSync } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GcsTestServer } from './gcs-server';

export interface GcsIamGate {
  readonly endpoint: string;
  /** Permissions by account; those that are not named have none. Read with each request. */
  readonly grants: Map<string, ReadonlySet<string>>;
  /** Members of the bucket resource. */
  settings: Readonly<Record<string, unknown>>;
  /** Runs before a request is judged, with the account that sent it. */
  onRequest: (account: string, request: IncomingMessage) => void;
  /** The JSON key of a service account. */
  keyOf(account: string): string;
  stop(): Promise<void>;
}

const GOOGLE_TOKENS = 'https://oauth2.googleapis.com/token';

/** Stands where Google gives out tokens, too: nothing leaves the machine. */
export async function startGcsIamGate(server: GcsTestServer): Promise<GcsIamGate> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const grants = new Map<string, ReadonlySet<string>>();
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url !== GOOGLE_TOKENS) return original(input, init);
    const assertion = new URLSearchParams(String(init?.body)).get('assertion')!;
    const { iss } = JSON.parse(Buffer.from(assertion.split('.')[1]!, 'base64url').toString()) as { iss: string };
    return Response.json({ access_token: `token-of-${iss}`, expires_in: 3600, token_type: 'Bearer' });
  };
  const state: Pick<GcsIamGate, 'settings' | 'onRequest'> = { settings: {}, onRequest: () => undefined };

  const refuse = (response: ServerResponse, status: number, reason: string, message: string) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify({ error: { code: status, message, errors: [{ domain: 'global', reason, message }] } }));
  };
  const deny = (response: ServerResponse, account: string, permission: string) =>
    refuse(
      response,
      403,
      'forbidden',
      `${account} does not have ${permission} access to the Google Cloud Storage ${permission.split('.')[1] === 'buckets' ? 'bucket' : 'object'}. ` +
        `Permission '${permission}' denied on resource (or it may not exist).`,
    );

  const forward = (request: IncomingMessage, response: ServerResponse, account: string, url: URL) => {
    const { method, headers } = request;
    const upstream = http.request(
      { host: '127.0.0.1', port: server.port, path: url.pathname + url.search, method, headers },
      (answer) => {
        const may = grants.get(account);
        // Who may not list is not told whether an object is there.
        if (answer.statusCode === 404 && !may?.has('storage.objects.list') && url.pathname.includes('/o/')) {
          answer.resume();
          return deny(response, account, 'storage.objects.list');
        }
        const wanted = new URL(request.url!, 'http://gate').searchParams.get('ifGenerationMatch');
        if (answer.statusCode === 412 && wanted === null) {
          answer.resume();
          return deny(response, account, 'storage.objects.delete');
        }
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  };

  const gate = http.createServer((request, response) => {
    request.on('error', () => undefined);
    const url = new URL(request.url!, 'http://gate');
    // An upload session is its own authorisation.
    if (url.searchParams.has('upload_id')) return forward(request, response, '', url);
    const account = /^Bearer token-of-(.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (account === undefined) return refuse(response, 401, 'authError', 'Invalid Credentials');
    state.onRequest(account, request);
    const lacks = (permission: string) => grants.get(account)?.has(permission) !== true;
    const missing = neededBy(request.method!, url);
    if (lacks(missing)) return deny(response, account, missing);
    // Whoever replaces an object deletes it; without the right to, only what is not there may be written.
    const mayReplace = url.searchParams.get('ifGenerationMatch') === '0' || !lacks('storage.objects.delete');
    if (missing === 'storage.objects.create' && !mayReplace) url.searchParams.set('ifGenerationMatch', '0');
    if (/^\/storage\/v1\/b\/[^/]+$/.test(url.pathname)) {
      response.writeHead(200, { 'content-type': 'application/json' });
      return void response.end(
        JSON.stringify({ location: 'EUROPE-WEST3', storageClass: 'STANDARD', ...state.settings }),
      );
    }
    forward(request, response, account, url);
  });
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    endpoint: `http://127.0.0.1:${(gate.address() as AddressInfo).port}`,
    grants,
    keyOf: (account: string) =>
      JSON.stringify({
        type: 'service_account',
        client_email: account,
        private_key_id: '1',
        private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      }),
    async stop() {
      globalThis.fetch = original;
      gate.closeAllConnections();
      await new Promise((resolve) => gate.close(resolve));
    },
  });
}

/** What Google asks for, by its documentation. */
function neededBy(method: string, url: URL): string {
  if (url.pathname.startsWith('/upload/')) return 'storage.objects.create';
  if (method === 'DELETE') return 'storage.objects.delete';
  if (url.pathname.endsWith('/o')) return 'storage.objects.list';
  return url.pathname.includes('/o/') ? 'storage.objects.get' : 'storage.buckets.get';
}
