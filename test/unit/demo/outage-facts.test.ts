import fc from 'fast-check';
import { outageFaults, statesOf, timeline, type DemoOutage } from '../../../src/cli/demo/outage-facts';

const STORES = ['disk', 's3', 'gcs'];
const at = (second: number) => new Date(Date.UTC(2026, 10, 21, 16, 0, second)).toISOString();
const backup = {
  copies: STORES.map((store) => ({ store, state: 'proved' as const, grade: 'exact' as const })),
};
const good: DemoOutage = {
  store: 's3',
  downAt: at(0),
  upAt: at(30),
  statesSeen: ['2/3', '3/3'],
  dumps: 1,
  compliance: [
    { at: at(5), state: '2/3', proved: 0, compliant: false },
    { at: at(20), state: '2/3', proved: 2, compliant: false },
    { at: at(40), state: '3/3', proved: 2, compliant: true },
    { at: at(50), state: '3/3', proved: 3, compliant: true },
  ],
};

describe('judging an outage', () => {
  it('finds nothing missing when the backup was 2/3 without the store, 3/3 after it, dumped once and proved everywhere', () => {
    expect(outageFaults(good, backup, STORES)).toEqual([]);
    expect(statesOf(STORES)).toEqual({ without: '2/3', whole: '3/3' });
  });

  it.each<[string, DemoOutage | null, string]>([
    ['no store went down', null, 'no store was taken down'],
    ['it stayed down', { ...good, upAt: null }, 's3 was not brought back'],
    ['it was never seen short', { ...good, statesSeen: ['3/3'] }, '2/3 was never seen'],
    ['it was whole before it was short', { ...good, statesSeen: ['3/3', '2/3'] }, '3/3 was not seen after 2/3'],
    ['it fell short again', { ...good, statesSeen: ['2/3', '3/3', '2/3'] }, 'it ended with 2/3'],
    ['PostgreSQL was read twice', { ...good, dumps: 2 }, 'PostgreSQL was read 2 times'],
    ['nobody counted', { ...good, dumps: null }, 'PostgreSQL was read an unknown number of times'],
    [
      'the catalogue was never short',
      { ...good, compliance: good.compliance.slice(2) },
      'the catalogue has no 2/3 while s3 was down',
    ],
    ['it was whole while the store was down', { ...good, upAt: at(60) }, 'the catalogue has no 3/3 after s3 was back'],
    [
      'the policy was not met in the end',
      { ...good, compliance: good.compliance.map((row) => ({ ...row, compliant: false })) },
      'the catalogue has no 3/3 after s3 was back',
    ],
  ])('says so when %s', (_, outage, fault) => {
    expect(outageFaults(outage, backup, STORES)).toContain(fault);
  });

  it('says which copy is not proved exact', () => {
    const copies = backup.copies.map((copy) => (copy.store === 's3' ? { ...copy, state: 'complete' as const, grade: null } : copy)); // prettier-ignore
    expect(outageFaults(good, { copies }, STORES)).toEqual(['the copy at s3 is complete, not proved exact']);
    expect(outageFaults(good, { copies: copies.slice(1) }, STORES)).toContain('the copy at disk is absent, not proved exact'); // prettier-ignore
    expect(outageFaults(good, undefined, STORES)).toHaveLength(3);
  });

  it('accepts no outage without each of the two states, however they are mixed', () => {
    const states = fc.array(fc.constantFrom('1/3', '2/3', '3/3'), { maxLength: 6 });
    fc.assert(
      fc.property(states, (statesSeen) => {
        const fine = outageFaults({ ...good, statesSeen }, backup, STORES).length === 0;
        expect(fine).toBe(statesSeen.includes('2/3') && statesSeen.at(-1) === '3/3');
      }),
    );
  });
});

describe('the timeline of an outage', () => {
  const lines = timeline({
    outage: good,
    share: 0.174,
    run: { endedAt: at(29), copies: '2/3' },
    proofs: [
      { store: 's3', grade: 'exact', at: at(49) },
      { store: 'disk', grade: 'exact', at: at(15) },
    ],
    events: [
      { at: at(8), kind: 'breaker', from: 'closed', to: 'open' },
      { at: at(8), kind: 'health', from: 'degraded', to: 'down' },
      { at: at(18), kind: 'breaker', from: 'open', to: 'half-open' },
      { at: at(18), kind: 'breaker', from: 'half-open', to: 'open' },
      { at: at(38), kind: 'breaker', from: 'open', to: 'half-open' },
      { at: at(41), kind: 'breaker', from: 'half-open', to: 'closed' },
    ],
  });

  it('tells in order of time what happened, without trials that failed and proofs told twice', () => {
    expect(lines).toEqual([
      '16:00:00    +0.0 s  s3 goes down with 17 % of the dump read: its server is killed',
      '16:00:05    +5.0 s  2/3 copies, the policy is not met',
      '16:00:08    +8.0 s  the watch of s3: its breaker is open, was closed',
      '16:00:08    +8.0 s  the watch of s3: down, was degraded',
      '16:00:15   +15.0 s  the copy at disk is proved exact',
      '16:00:29   +29.0 s  the run ends well, with 2/3 copies',
      '16:00:30   +30.0 s  s3 is back: its server is started again',
      '16:00:40   +40.0 s  3/3 copies, the policy is met',
      '16:00:41   +41.0 s  the watch of s3: its breaker is closed, was half-open',
      '16:00:49   +49.0 s  the copy at s3 is proved exact',
    ]);
  });
});
