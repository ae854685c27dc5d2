import { checkAccess } from '../../../../src/cli/commands/doctor/check-access';
import { accessSchema } from '../../../../src/config/access-schema';
import { tokenHash } from '../../../../src/config/access-tokens';
import type { HoldfastConfig } from '../../../../src/config/schema';

const NOW = new Date('2026-11-21T12:00:00Z');
const findings = (access: HoldfastConfig['access'], metrics?: string) =>
  checkAccess({ access, worker: { metrics } as HoldfastConfig['worker'] }, NOW).map(
    ({ status, area, detail }) => `${status} ${area}: ${detail}`,
  );
const tokens = (expires?: string, metrics?: 'open') =>
  accessSchema.parse({
    tokens: [{ name: 'oncall', roles: ['operate'], hash: tokenHash('x'), ...(expires && { expires }) }],
    ...(metrics && { metrics }),
  });

test.each([
  ['127.0.0.1:9464', false],
  ['localhost:9464', false],
  ['[::1]:9464', false],
  ['9464', false],
  ['0.0.0.0:9464', true],
  ['[::]:9464', true],
  ['10.0.0.1:9464', true],
])('metrics at %s without tokens are open to the network: %s', (address, open) => {
  expect(findings(undefined, address).some((line) => line.startsWith('warn metrics'))).toBe(open);
});

test('metrics that ask for a token are in order on any address, and open ones are not', () => {
  expect(findings(tokens(), '0.0.0.0:9464').filter((line) => line.startsWith('warn'))).toEqual([]);
  expect(findings(tokens(undefined, 'open'), '0.0.0.0:9464')).toEqual([
    'ok access: 1 token, none about to expire',
    'warn metrics: at 0.0.0.0:9464 whoever reaches the port reads them',
  ]);
});

test('a token is named once it has expired, and in its last fortnight', () => {
  expect(findings(tokens('2026-11-21'))).toEqual(['warn access: the token oncall expired 2026-11-21 00:00:00Z']);
  expect(findings(tokens('2026-12-05'))).toEqual(['warn access: the token oncall expires 2026-12-05 00:00:00Z']);
  expect(findings(tokens('2026-12-06'))).toEqual(['ok access: 1 token, none about to expire']);
});
