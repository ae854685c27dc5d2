import { parseConfig } from '../../../../src/config/load';
import { effectiveConfig } from '../../../../src/cli/up/effective-config';
import { starterConfig } from '../../../../src/cli/starter-config';

const OVERLAY = {
  catalog: { connection: { url: 'file:/state/catalog-url' } },
  temporal: { address: '127.0.0.1:9', namespace: 'default', webUi: 'http://127.0.0.1:10' },
};

test('embedded services take the place of what the file says, or does not say', () => {
  const text = starterConfig({ database: 'shop' }).replace(/^catalog:[\s\S]*$/m, '');
  const result = parseConfig(effectiveConfig(text, '/srv/app', OVERLAY), '/state/holdfast.yaml');
  expect(result).toMatchObject({ ok: true, config: { temporal: OVERLAY.temporal, catalog: OVERLAY.catalog } });
});

test('the file means the same in another folder: every path is the one that the original would have', () => {
  const text = `${starterConfig({ database: 'shop' })}scratch: { dir: ./scratch }\ntools: { postgresBin: [pg/bin] }\n`;
  const original = parseConfig(text, '/srv/app/holdfast.yaml');
  const moved = parseConfig(effectiveConfig(text, '/srv/app', {}), '/elsewhere/holdfast.yaml');
  expect(original.ok).toBe(true);
  expect(moved).toEqual(original);
});

test('own client tools stay before the embedded ones', () => {
  const text = 'tools: { postgresBin: [/own] }';
  expect(effectiveConfig(text, '/', { postgresBin: '/embedded' })).toContain('- /own\n    - /embedded');
});

test('what cannot be parsed stays as it is, for the checker to name', () => {
  expect(effectiveConfig('a: [', '/', OVERLAY)).toBe('a: [');
});
