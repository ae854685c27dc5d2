import { createLocality, isThisMachine } from '../../../../../src/load/samplers/host/locality';

const machine = {
  own: () => ['10.1.2.3', 'fe80::1', '127.0.0.1'],
  resolve: async (host: string) => {
    const known: Readonly<Record<string, readonly string[]>> = {
      localhost: ['127.0.0.1', '::1'],
      'db.internal': ['10.1.2.3'],
      'db.managed.example': ['203.0.113.7', '203.0.113.8'],
    };
    if (!known[host]) throw new Error('ENOTFOUND');
    return known[host];
  },
};

test.each([
  ['/var/run/postgresql', true],
  ['@abstract', true],
  ['127.0.0.1', true],
  ['127.5.0.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['10.1.2.3', true],
  ['db.internal', true],
  ['10.1.2.4', false],
  ['db.managed.example', false],
  ['no-such-name', false],
])('a server at %s runs on this machine: %s', async (host, here) => {
  expect(await isThisMachine(host, machine)).toBe(here);
});

test('the address is asked for once a minute, so that a database that moved is found', async () => {
  let now = 0;
  let host = '127.0.0.1';
  const target = jest.fn(async () => ({ host }));
  const here = createLocality(target, { ...machine, now: () => now });
  expect([await here(), await here()]).toEqual([true, true]);
  expect(target).toHaveBeenCalledTimes(1);
  host = '203.0.113.7';
  now = 60_000;
  expect(await here()).toBe(false);
  expect(target).toHaveBeenCalledTimes(2);
});

test('a target that cannot be told is somewhere else', async () => {
  const here = createLocality(() => Promise.reject(new Error('no secret')), machine);
  expect(await here()).toBe(false);
});

test('the resolver of this machine finds the loopback', async () => {
  expect(await isThisMachine('localhost')).toBe(true);
});
