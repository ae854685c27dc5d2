import * as fc from 'fast-check';
import { decideQuota, expectedBackup, NO_LIMITS, type QuotaFacts, type QuotaLimits } from '../../../src/domain/quota';

const LIMITS: QuotaLimits = { maxBytes: 1_000, maxObjects: 100, warnAt: 0.8, stopAt: 0.95 };
const FACTS: QuotaFacts = { bytes: 0, objects: 0, expectedBytes: 0, expectedObjects: 0, disk: null };
const RANK = { ok: 0, warn: 1, stop: 2 };

describe('a store', () => {
  it.each([
    ['empty', {}, 'ok'],
    ['just below the warning', { bytes: 799 }, 'ok'],
    ['at the warning', { bytes: 800 }, 'warn'],
    ['that the next backup brings to the warning', { bytes: 700, expectedBytes: 100 }, 'warn'],
    ['that the next backup brings to the stop, not beyond', { bytes: 900, expectedBytes: 50 }, 'warn'],
    ['that the next backup would bring beyond the stop', { bytes: 900, expectedBytes: 51 }, 'stop'],
    ['at the stop', { bytes: 950 }, 'stop'],
    ['over its limit', { bytes: 2_000 }, 'stop'],
    ['with many objects', { objects: 80 }, 'warn'],
    ['with too many objects', { objects: 90, expectedObjects: 6 }, 'stop'],
    ['on a disk with room', { disk: { freeBytes: 10_000, minFreeBytes: 1_000 } }, 'ok'],
    ['on a disk at its floor', { disk: { freeBytes: 1_000, minFreeBytes: 1_000 } }, 'stop'],
    ['on a disk that is filling', { bytes: 90, disk: { freeBytes: 1_010, minFreeBytes: 1_000 } }, 'warn'],
    [
      'on a disk that would be left with less than its floor',
      { bytes: 1, expectedBytes: 11, disk: { freeBytes: 1_010, minFreeBytes: 1_000 } },
      'stop',
    ],
  ] as const)('%s', (_, facts, state) => {
    const decision = decideQuota(LIMITS, { ...FACTS, ...facts });
    expect(decision.state).toBe(state);
    expect(decision.reasons.length > 0).toBe(state !== 'ok');
  });

  it('without a limit takes anything', () => {
    const huge = { ...FACTS, bytes: 1e15, objects: 1e9, expectedBytes: 1e15 };
    expect(decideQuota(NO_LIMITS, huge)).toEqual({ state: 'ok', share: null, expectedShare: null, reasons: [] });
  });

  it('says first what is worst', () => {
    const { reasons } = decideQuota(LIMITS, { ...FACTS, bytes: 850, objects: 99 });
    expect(reasons).toEqual(['99 % of 100 objects is used (99 objects)', '85 % of 1000 B is used (850 B)']);
  });

  it('is never judged milder for holding more, and milder again when there is room', () => {
    const count = fc.nat(2_000);
    fc.assert(
      fc.property(count, count, count, fc.nat(200), (bytes, more, expectedBytes, objects) => {
        const facts = { ...FACTS, bytes, objects, expectedBytes };
        const before = decideQuota(LIMITS, facts);
        const after = decideQuota(LIMITS, { ...facts, bytes: bytes + more });
        expect(RANK[after.state]).toBeGreaterThanOrEqual(RANK[before.state]);
        expect(decideQuota({ ...LIMITS, maxBytes: 1e9, maxObjects: null }, facts).state).toBe('ok');
      }),
    );
  });

  it('never passes its stop by what was expected', () => {
    const count = fc.nat(2_000);
    fc.assert(
      fc.property(count, count, (bytes, expectedBytes) => {
        const { state } = decideQuota(LIMITS, { ...FACTS, bytes, expectedBytes });
        if (state !== 'stop') expect(bytes + expectedBytes).toBeLessThanOrEqual(950);
      }),
    );
  });
});

describe('the next backup', () => {
  const full = { backupType: 'full', fileSize: 1_000, uploadedBytes: 1_000, segments: 10 };
  const incremental = { backupType: 'incremental', fileSize: 1_100, uploadedBytes: 110, segments: 11 };
  it.each([
    ['full', [incremental, full], { bytes: 1_000, objects: 11 }],
    ['incremental', [incremental, full], { bytes: 110, objects: 3 }],
    ['full', [incremental], { bytes: 1_100, objects: 12 }],
    ['differential', [incremental, full], { bytes: 110, objects: 3 }],
    ['incremental', [{ ...full, uploadedBytes: null }], { bytes: 1_000, objects: 11 }],
    ['full', [], { bytes: 0, objects: 0 }],
  ] as const)('of type %s is expected to be as large as the last', (type, backups, expected) =>
    expect(expectedBackup(backups, type)).toEqual(expected),
  );
});
