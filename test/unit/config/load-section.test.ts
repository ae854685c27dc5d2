import { parseConfig } from '../../../src/config/load';
import { effectiveLoad, loadRulesOf, samplingOf } from '../../../src/config/load-rules';
import { DEFAULT_RULES } from '../../../src/domain/load/rules';

/** `own`: lines of the database; `root`: lines of the root. */
const text = (root: string, own = '') => `version: 1
databases:
  - name: shop
    connection: { url: env:SHOP_URL }
${own}stores:
  - { name: folder, adapter: filesystem, path: ./backups }
keys: { repository: ./keys, idKey: file:keys/id.key }
catalog: { connection: { host: /run/postgresql, database: c, user: u } }
${root}`;

function faults(root: string, own = ''): string[] {
  const result = parseConfig(text(root, own), '/etc/holdfast.yaml');
  return result.ok
    ? []
    : result.faults.map(({ path, message, hint }) => `${path}: ${message}${hint ? ` | ${hint}` : ''}`);
}
function rules(root: string, own = '') {
  const result = parseConfig(text(root, own), '/etc/holdfast.yaml');
  if (!result.ok) throw new Error(result.faults.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return loadRulesOf(result.config.load, result.config.databases[0]!, result.config.worker);
}
const limit = (of: ReturnType<typeof rules>, signal: string) => of.limits.find((entry) => entry.signal === signal);

test('without a section the default rules hold', () => {
  expect(rules('')).toEqual(DEFAULT_RULES);
});

test('amounts are written as people say them', () => {
  const made = rules(`load:
  limits:
    hostCpu: { throttle: 50%, pause: 80%, release: 40% }
    probeLatencyMs: { throttle: +30%, pause: +100%, release: +10%, least: 5ms }
    replicationLagMs: { throttle: 1m, pause: never, release: 20s }
    workerMemoryBytes: { throttle: 300MB, pause: 400MB, release: 250MB, hard: true }
    sessionsActive: { throttle: 40, pause: 80, release: 30 }
`);
  expect(limit(made, 'hostCpu')).toEqual({ signal: 'hostCpu', throttle: 0.5, pause: 0.8, release: 0.4 });
  expect(limit(made, 'probeLatencyMs')).toMatchObject({
    relative: true,
    throttle: 1.3,
    pause: 2,
    release: 1.1,
    least: 5,
  });
  expect(limit(made, 'replicationLagMs')).toMatchObject({ throttle: 60_000, pause: null, release: 20_000 });
  expect(limit(made, 'workerMemoryBytes')).toMatchObject({ throttle: 300e6, hard: true });
  expect(limit(made, 'sessionsActive')).toMatchObject({ throttle: 40, pause: 80, release: 30 });
});

test('the safe pace is no faster than the fastest one', () => {
  expect(rules('load: { maxRate: 5MB/s }\n').safePace.maxBytesPerSecond).toBe(5e6);
  expect(rules('load: { maxRate: 50MB/s }\n').safePace.maxBytesPerSecond).toBe(8e6);
});

test('what a limit leaves out keeps its distance from the throttle that is stated', () => {
  const made = rules(
    'load: { limits: { hostCpu: { throttle: 60% }, storeUploadBytesPerSecond: {}, httpLatencyMs: { throttle: 200ms } } }\n',
  );
  expect(limit(made, 'hostCpu')).toMatchObject({ throttle: 0.6, release: 0.52 });
  expect(limit(made, 'hostCpu')!.pause).toBeCloseTo(0.736);
  expect(limit(made, 'storeUploadBytesPerSecond')).toMatchObject({ throttle: 1.25e6, pause: null });
  // From relative to absolute nothing can be taken over.
  expect(limit(made, 'httpLatencyMs')).toMatchObject({ throttle: 200, pause: null, release: 170, hard: true });
  // Forty milliseconds, not forty times what is usual.
  const plain = limit(rules('load: { limits: { probeLatencyMs: { throttle: 40, pause: 90 } } }\n'), 'probeLatencyMs')!;
  expect(plain).toMatchObject({ throttle: 40, pause: 90, release: 34 });
  expect(plain).not.toHaveProperty('relative');
  expect(limit(rules('load: { limits: { probeLatencyMs: { hard: false } } }\n'), 'probeLatencyMs')).toMatchObject({
    relative: true,
    throttle: 1.2,
    hard: false,
  });
});

test('a limit can be taken away, and stricter ones hold in peak hours as well', () => {
  const made = rules('load: { limits: { lockWaiters: off, hostCpu: { throttle: 20%, pause: 40%, release: 15% } } }\n');
  expect(limit(made, 'lockWaiters')).toBeUndefined();
  expect(made.peak.limits.map(({ signal }) => signal)).toEqual(['hostIoWait']);
});

test('a database states field by field what it has instead of the root, limits signal by signal', () => {
  const root = `load:
  timezone: Europe/Berlin
  maxRate: 100MB/s
  limits: { hostCpu: { throttle: 50%, release: 40% }, lockWaiters: off }
`;
  const own = `    load:
      priority: critical
      limits: { hostCpu: { throttle: 90%, pause: never, release: 80% } }
      deadline: { doneBy: '06:00' }
`;
  const made = rules(root, own);
  expect(made).toMatchObject({
    timeZone: 'Europe/Berlin',
    maxBytesPerSecond: 100e6,
    priority: 'critical',
    deadline: { doneBy: '06:00' },
    minSignals: DEFAULT_RULES.minSignals,
  });
  expect(limit(made, 'hostCpu')).toMatchObject({ throttle: 0.9, pause: null });
  expect(limit(made, 'lockWaiters')).toBeUndefined();
});

test('samplers of a database replace those of the root', () => {
  const result = parseConfig(
    text(
      'load: { samplers: { http: [{ name: web, url: https://shop.example/health }] }, every: 5s }\n',
      '    load: { samplers: { host: { enabled: false } } }\n',
    ),
    '/etc/holdfast.yaml',
  );
  if (!result.ok) throw new Error('not valid');
  expect(samplingOf(result.config.load, {})).toMatchObject({ every: 5_000, samplers: { http: [{ name: 'web' }] } });
  const own = samplingOf(result.config.load, result.config.databases[0]!);
  expect(own).toMatchObject({
    every: 5_000,
    samplers: { http: [], host: { enabled: false }, postgres: { enabled: true } },
  });
  expect(effectiveLoad(result.config.load, undefined)).toBe(result.config.load);
});

test.each([
  [
    'a release above its throttle',
    'load: { limits: { hostCpu: { throttle: 50%, pause: 80%, release: 60% } } }\n',
    'load.limits.hostCpu.release: release (0.6) must be below throttle (0.5) for hostCpu: it would never settle',
  ],
  [
    'a pause below its throttle',
    'load: { limits: { hostCpu: { throttle: 50%, pause: 40%, release: 30% } } }\n',
    'load.limits.hostCpu.pause: pause (0.4) must be above throttle (0.5) for hostCpu',
  ],
  [
    'the same the other way round for a signal that is worse when lower',
    'load: { limits: { cacheHit: { throttle: 90%, pause: 80%, release: 85% } } }\n',
    'load.limits.cacheHit.release: release (0.85) must be above throttle (0.9) for cacheHit: it would never settle',
  ],
  [
    'a share that can never be reached',
    'load: { limits: { hostCpu: { throttle: 80, pause: 90, release: 60 } } }\n',
    'load.limits.hostCpu.throttle: hostCpu is a share: throttle (80) can never be reached',
  ],
  [
    'limits of peak hours that are laxer than at other hours',
    'load: { peak: { limits: { hostCpu: { throttle: 90%, pause: 95%, release: 80% } } } }\n',
    'load.peak.limits.hostCpu.throttle: the limit of peak hours (0.9) is laxer than at other hours (0.75)',
  ],
  [
    'a misspelt signal',
    'load: { limits: { hostCpuu: { throttle: 50% } } }\n',
    'load.limits.hostCpuu: hostCpuu is not a signal | Did you mean hostCpu?',
  ],
  [
    'a signal without a default limit and without a throttle',
    'load: { limits: { sessionsActive: { release: 3 } } }\n',
    'load.limits.sessionsActive.throttle: sessionsActive has no default limit: state throttle',
  ],
  [
    'relative and absolute amounts in one limit',
    'load: { limits: { probeLatencyMs: { throttle: +20%, pause: 80ms, release: +10% } } }\n',
    'load.limits.probeLatencyMs.pause: throttle, pause and release are all relative (+20%), or none of them is',
  ],
  [
    'a limit of a query that is not asked',
    'load: { limits: { "prometheus:rds": { throttle: 5 } } }\n',
    'load.limits.prometheus:rds: no query of samplers.prometheus has that name',
  ],
  [
    'a window that never opens',
    "load: { windows: [{ from: '03:00', to: '03:00' }] }\n",
    'load.windows[0].to: the window daily 03:00–03:00 never opens | For a whole day write 00:00 to 24:00',
  ],
  [
    'windows that protected times cover',
    "load: { windows: [{ from: '22:00', to: '05:00' }], protected: [{ name: night jobs, from: '21:00', to: '06:00' }] }\n",
    'load.windows: no minute of the week is open: protected times cover all windows',
  ],
  [
    'an unknown time zone',
    'load: { timezone: Europe/Berlinn }\n',
    'load.timezone: must be an IANA time zone such as UTC or Europe/Berlin',
  ],
  [
    'a deadline before its window opens',
    "load: { windows: [{ from: '22:00', to: '05:00' }], deadline: { doneBy: '21:00' } }\n",
    'load.deadline.doneBy: the deadline 21:00 is before the window daily 22:00–05:00 opens',
  ],
  [
    'two ways to state a deadline',
    "load: { deadline: { doneBy: '06:00', within: 4h } }\n",
    'load.deadline: state exactly one of doneBy and within',
  ],
  [
    'a minimum above the maximum',
    'load: { maxRate: 10MB/s, minRate: 20MB/s }\n',
    'load.minRate: minRate is above maxRate',
  ],
  [
    'a rhythm that is too slow to see anything twice',
    'load: { every: 60s, silentAfter: 10m }\n',
    'load.every: every must be from 100ms to 30s: two samples in a row decide, and both must be of now',
  ],
  [
    'a rhythm without a rest',
    'load: { every: 0s }\n',
    'load.every: every must be from 100ms to 30s: two samples in a row decide, and both must be of now',
  ],
  [
    'a watch that one sampler that hangs would make silent',
    'load: { timeout: 30s }\n',
    'load.silentAfter: silentAfter must be longer than every and timeout together: a sampler that hangs would make the watch silent',
  ],
  ['a lowest pace without bytes', 'load: { minRate: 0B }\n', 'load.minRate: must be above zero'],
  ['a safe pace without bytes', 'load: { safePace: { maxRate: 0B } }\n', 'load.safePace.maxRate: must be above zero'],
  ['a deadline at the start', 'load: { deadline: { within: 0s } }\n', 'load.deadline.within: must be above zero'],
  ['a rest of nothing', 'load: { idleEvery: 0s }\n', 'load.idleEvery: must be above zero'],
  [
    'a share where a duration is meant',
    'load: { limits: { probeLatencyMs: { throttle: 50% } } }\n',
    'load.limits.probeLatencyMs.throttle: probeLatencyMs is a duration, and a share is written | With a plus sign (+50%) it is relative to what is usual',
  ],
  [
    'a duration where a count is meant',
    'load: { limits: { lockWaiters: { throttle: 5ms, pause: 20, release: 2 } } }\n',
    'load.limits.lockWaiters.throttle: lockWaiters is a plain number, and a duration is written',
  ],
  [
    'a limit above what is usual for a signal that is worse when lower',
    'load: { limits: { cacheHit: { throttle: +20% } } }\n',
    'load.limits.cacheHit.throttle: throttle (1.2) of cacheHit is at or above what is usual: a run would never go at full pace',
  ],
  [
    'protected times of a whole week',
    "load: { protected: [{ name: never, from: '00:00', to: '24:00' }] }\n",
    'load.protected: no minute of the week is open: protected times cover the whole week',
  ],
  [
    'more signals than samplers measure',
    'load: { samplers: { postgres: { enabled: false }, host: { enabled: false } } }\n',
    'load.minSignals: minSignals (2) is more than the samplers that are switched on measure of those with limits (0): the safe pace would hold for ever',
  ],
  [
    'a password in the address of a probe',
    'load: { samplers: { http: [{ name: a, url: "http://me:hunter2@x" }] } }\n',
    'load.samplers.http[0].url: must be a URL without a user and a password: state the login by its own field, as a reference',
  ],
  [
    'more signals than there are limits',
    'load: { minSignals: 30 }\n',
    'load.minSignals: minSignals (30) is more than there are limits (13): the safe pace would hold for ever',
  ],
  [
    'figures that are kept longer than those rolled up from them',
    'load: { keep: { samples: 60d } }\n',
    'load.keep: samples, minutes, hours and days must each be kept no longer than the next',
  ],
  [
    'an amount that is none',
    'load: { limits: { hostCpu: { throttle: much } } }\n',
    'load.limits.hostCpu.throttle: must be an amount: a number, 30%, 200ms, 500MB, or +20% of what is usual at that hour',
  ],
  [
    'two probes of one name',
    'load: { samplers: { http: [{ name: a, url: http://x }, { name: a, url: http://y }] } }\n',
    'load.samplers.http[1].name: the name a is used twice',
  ],
])('%s is refused', (_, root, expected) => {
  expect(faults(root)).toEqual([expected]);
});

test.each([
  [
    'within the window that it ends',
    "load: { windows: [{ from: '06:00', to: '22:00' }], deadline: { doneBy: '20:00' } }\n",
  ],
  [
    'at any time of a window of whole days',
    "load: { windows: [{ from: '00:00', to: '24:00' }], deadline: { doneBy: '13:00' } }\n",
  ],
])('a deadline may lie %s', (_, root) => {
  expect(faults(root)).toEqual([]);
});

test('a deadline may be on the morning after an evening start', () => {
  const own = `    schedules: [{ name: nightly, every: daily, at: '18:00' }]
    load: { deadline: { doneBy: '07:00' } }
`;
  expect(faults('', own)).toEqual([]);
});

test('what a limit of a share that is worse when lower leaves out can be reached', () => {
  expect(limit(rules('load: { limits: { cacheHit: { throttle: 98% } } }\n'), 'cacheHit')!.release).toBeCloseTo(0.99);
});

test('faults of a database are shown where they are written, with its schedules in mind', () => {
  const own = `    schedules: [{ name: nightly, every: daily, at: '05:00' }]
    load:
      deadline: { doneBy: '04:30' }
      limits: { hostCpu: { throttle: 95%, pause: 90%, release: 60% } }
`;
  expect(faults('', own)).toEqual([
    'databases[0].load.deadline.doneBy: the deadline 04:30 is before the start at 05:00',
    'databases[0].load.limits.hostCpu.pause: pause (0.9) must be above throttle (0.95) for hostCpu',
  ]);
});

test('a fault of the root that every database inherits is told once', () => {
  const own = '    load: { priority: low }\n  - name: two\n    connection: { url: env:TWO }\n';
  expect(faults('load: { limits: { hostCpu: { throttle: 50%, pause: 80%, release: 60% } } }\n', own)).toHaveLength(1);
});

test('faults of load are listed together with those of other sections', () => {
  expect(faults('load: { minSignals: 30 }\nworker: { dumps: 0 }\n')).toEqual([
    expect.stringContaining('load.minSignals'),
    'worker.dumps: must be at least 1',
  ]);
});

test('a fault of one field hides no fault of another, nor its hint', () => {
  const own = '    load: { limits: { hostCpuu: { throttle: 3 } }, priority: highest }\n';
  expect(
    faults("load: { timezone: Europe/Berlinn, windows: [{ from: '03:00', to: '03:00' }], nope: 1 }\n", own),
  ).toEqual([
    'databases[0].load.limits.hostCpuu: hostCpuu is not a signal | Did you mean hostCpu?',
    'databases[0].load.priority: must be one of critical, normal, low',
    'load.timezone: must be an IANA time zone such as UTC or Europe/Berlin',
    'load.windows[0].to: the window daily 03:00–03:00 never opens | For a whole day write 00:00 to 24:00',
    expect.stringMatching(/^load.nope: is not a known field/),
  ]);
});
