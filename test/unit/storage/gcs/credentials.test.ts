import { generateKeyPairSync, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { gcsStoreSchema } from '../../../../src/config/schema';
import { createGcsCredentials } from '../../../../src/storage/gcs/credentials';

const config = {
  ...gcsStoreSchema.parse({ name: 'gcs', adapter: 'gcs', bucket: 'my-backups' }),
  credentials: 'env:KEY',
};

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const keyOf = (email: string) =>
  JSON.stringify({
    type: 'service_account',
    client_email: email,
    private_key_id: '1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });

/**
 * Stands where Google gives out tokens: checks the signature of each assertion, counts them, and names its sender in the
 * token. Nothing leaves the process.
 */
function tokenService() {
  const given: string[] = [];
  let answer: (email: string) => Response = (email) =>
    Response.json({ access_token: `token-${given.length}-of-${email}`, expires_in: 3600, token_type: 'Bearer' });
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url !== 'https://oauth2.googleapis.com/token') throw new Error(`nobody should ask ${url}`);
    const assertion = new URLSearchParams(String(init?.body)).get('assertion')!;
    const [head, claims, signature] = assertion.split('.') as [string, string, string];
    expect(verify('sha256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(
      true,
    );
    const { iss } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { iss: string };
    given.push(iss);
    return answer(iss);
  };
  return {
    given,
    answerWith: (other: typeof answer) => (answer = other),
    stop: () => void (globalThis.fetch = original),
  };
}

describe('the credentials of a Google Cloud Storage store', () => {
  it('send nothing where the store is anonymous, and ask for no secret', async () => {
    const anonymous = {
      ...gcsStoreSchema.parse({
        name: 'gcs',
        adapter: 'gcs',
        bucket: 'my-backups',
        endpoint: 'http://127.0.0.1:1',
        anonymous: true,
      }),
      credentials: undefined,
    };
    const credentials = createGcsCredentials(anonymous, () => {
      throw new Error('asked for a secret');
    });
    expect(await credentials.headers()).toEqual({});
    expect(credentials.renew()).toBe(false);
  });

  it('keep a token, get a new one when it was refused, and use a rotated key at once', async () => {
    const service = tokenService();
    let key = keyOf('first@p');
    const credentials = createGcsCredentials(config, () => key);
    try {
      const first = await credentials.headers();
      expect(first.authorization).toBe('Bearer token-1-of-first@p');
      expect(await credentials.headers()).toEqual(first);
      expect(credentials.renew()).toBe(true);
      expect((await credentials.headers()).authorization).toBe('Bearer token-2-of-first@p');
      key = keyOf('second@p');
      expect((await credentials.headers()).authorization).toBe('Bearer token-3-of-second@p');
      expect(service.given).toHaveLength(3);
    } finally {
      service.stop();
    }
  }, 30_000);

  it.each(['', 'hunter2', '"hunter2"', '{"private_key":"hunter2"}', '{"type": "hunter2'])(
    'are refused without quoting them when they are no key (%#)',
    async (text) => {
      const asked = createGcsCredentials(config, () => text).headers();
      const error = await asked.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'STORE_CREDENTIALS_INVALID', context: { credentials: 'env:KEY' } });
      expect(JSON.stringify(error) + String(error) + String((error as Error).stack)).not.toContain('hunter2');
    },
  );

  it('never show the private key, neither when it is broken nor when Google refuses it', async () => {
    const secret = (privateKey.export({ type: 'pkcs8', format: 'pem' }) as string).split('\n')[1]!;
    const broken = keyOf('a@p').replace('BEGIN', 'BEG');
    const service = tokenService();
    service.answerWith(() =>
      Response.json({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, { status: 400 }),
    );
    try {
      for (const text of [broken, keyOf('a@p')]) {
        const error = await createGcsCredentials(config, () => text)
          .headers()
          .catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'STORE_CREDENTIALS_INVALID' });
        const shown = inspect(error, { depth: 10 });
        expect(shown).not.toContain(secret);
        expect(shown).not.toContain('assertion');
      }
    } finally {
      service.stop();
    }
  }, 30_000);

  it('are not waited for by a request that is cancelled', async () => {
    const service = tokenService();
    const controller = new AbortController();
    const reason = new Error('stopped');
    const credentials = createGcsCredentials(config, () => keyOf('slow@p'));
    try {
      const asked = credentials.headers(controller.signal);
      controller.abort(reason);
      await expect(asked).rejects.toBe(reason);
      await expect(credentials.headers(controller.signal)).rejects.toBe(reason);
      // Whoever asks next has the token that was under way.
      expect((await credentials.headers()).authorization).toBe('Bearer token-1-of-slow@p');
    } finally {
      service.stop();
    }
  }, 30_000);
});
