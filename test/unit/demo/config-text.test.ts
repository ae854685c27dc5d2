import fc from 'fast-check';
import { parseConfig } from '../../../src/config/load';
import { UNWATCHED } from '../../../src/cli/demo/load/rules';
import { DEMO_DATABASE, DEMO_STORES, demoConfig, FULL_SCHEDULE } from '../../../src/cli/demo/config-text';

const facts = {
  postgresBin: '/usr/lib/postgresql/15/bin',
  s3: { endpoint: 'http://127.0.0.1:9000', bucket: 'holdfast-demo' },
  gcs: { endpoint: 'http://127.0.0.1:9001', bucket: 'holdfast-demo' },
  temporal: { address: '127.0.0.1:7233', namespace: 'default', webUi: 'http://127.0.0.1:8233' },
  scratchDir: '/tmp/scratch',
  metrics: '127.0.0.1:9464',
  load: UNWATCHED,
};

describe('the configuration that the demo writes', () => {
  it('is valid whenever it is written, and has the demo’s names', () => {
    const times = fc.date({ min: new Date('2024-01-01Z'), max: new Date('2034-01-01Z'), noInvalidDate: true });
    fc.assert(
      fc.property(times, (now) => {
        const result = parseConfig(demoConfig({ ...facts, now }), '/demo/holdfast.yaml');
        expect(result).toMatchObject({ ok: true });
        if (!result.ok) return;
        const { databases, stores } = result.config;
        expect(databases.map(({ name }) => name)).toEqual([DEMO_DATABASE]);
        expect(stores.map(({ name }) => name)).toEqual([...DEMO_STORES]);
        expect(databases[0]!.schedules.map(({ name }) => name)).toContain(FULL_SCHEDULE);
        expect(databases[0]!.verification).toMatchObject({ grade: 'exact', stores: 'all' });
      }),
      { numRuns: 50 },
    );
  });

  it('holds no secret, only references', () => {
    const text = demoConfig({ ...facts, now: new Date('2026-11-21Z') });
    expect(text).not.toMatch(/postgresql:\/\/|AGE-SECRET/);
    expect(text).toContain('file:secrets/shop.url');
  });
});
