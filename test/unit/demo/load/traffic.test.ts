import { parseConfig } from '../../../../src/config/load';
import { loadRulesOf } from '../../../../src/config/load-rules';
import { demoConfig } from '../../../../src/cli/demo/config-text';
import { fullRate, watchedRules } from '../../../../src/cli/demo/load/rules';
import { visitScript, visitsOfLog } from '../../../../src/cli/demo/load/traffic';

describe('visits that pgbench wrote down', () => {
  it('are read with the time of their end, with or without a rate', () => {
    const log = '0 12 4500 0 1795262400 250000\n3 1 31250 0 1795262401 500 1200\n';
    expect(visitsOfLog(log)).toEqual([
      { at: 1795262400250, ms: 4.5 },
      { at: 1795262401000.5, ms: 31.25 },
    ]);
  });

  it('leave out what is half written, skipped or failed', () => {
    expect(visitsOfLog('0 12 skipped 0 1795262400 250000\n1 2 failed 0 1795262400 1\n0 13 45')).toEqual([]);
    expect(visitsOfLog('')).toEqual([]);
  });
});

it('the script of a visit names only customers that there are', () => {
  expect(visitScript(60_000)).toContain('\\set customer random(1, 60000)\n\\set region random(1, 54000)');
  expect(visitScript(20)).toContain('\\set region random(1, 1)');
});

describe('the rules of the demo under load', () => {
  const written = (megabytes: number, probe: { best: number; usual: number }) =>
    parseConfig(
      demoConfig({
        postgresBin: '/usr/lib/postgresql/15/bin',
        s3: { endpoint: 'http://127.0.0.1:9000', bucket: 'holdfast-demo' },
        gcs: { endpoint: 'http://127.0.0.1:9001', bucket: 'holdfast-demo' },
        temporal: { address: '127.0.0.1:7233', namespace: 'default', webUi: 'http://127.0.0.1:8233' },
        scratchDir: '/tmp/scratch',
        metrics: '127.0.0.1:9464',
        load: watchedRules({ megabytes, probe }),
        now: new Date('2026-11-21T12:00:00Z'),
      }),
      '/demo/holdfast.yaml',
    );

  it.each([5, 30, 200, 1_000, 20_000])('are valid for a database of %s MB', (megabytes) => {
    const result = written(megabytes, { best: 9.87654, usual: 12.3456 });
    expect(result.ok ? [] : result.faults).toEqual([]);
    if (!result.ok) return;
    const { config } = result;
    const rules = loadRulesOf(config.load, config.databases[0]!, config.worker);
    expect(rules.maxBytesPerSecond).toBe(fullRate(megabytes));
    expect(rules.minBytesPerSecond).toBe(fullRate(megabytes) / 2);
    const limit = rules.limits.find(({ signal }) => signal === 'probeLatencyMs')!;
    expect(limit).toMatchObject({ throttle: 30.9, pause: 61.7, hard: false });
    // Milliseconds, whatever is usual at this hour.
    expect(limit.relative ?? false).toBe(false);
    expect(rules.limits.map(({ signal }) => signal)).not.toContain('hostCpu');
  });

  it('are the same at any hour', () => {
    const result = written(200, { best: 10, usual: 10 });
    if (!result.ok) throw new Error('not valid');
    const { config } = result;
    expect(loadRulesOf(config.load, config.databases[0]!, config.worker).peak).toMatchObject({ windows: [] });
  });
});
