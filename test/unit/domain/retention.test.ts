import * as fc from 'fast-check';
import {
  planRetention,
  type RetentionBackup,
  type RetentionInput,
  type RetentionPolicy,
} from '../../../src/domain/retention';

const DAY = 86_400_000;
const NOTHING: RetentionPolicy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0, minProved: 1 };

interface Sketch {
  at: string;
  proved?: boolean;
  status?: RetentionBackup['status'];
  tombstoned?: boolean;
  deleted?: boolean;
  compliant?: boolean;
}
const backup = ({
  at,
  proved = true,
  status = 'completed',
  tombstoned,
  deleted,
  compliant,
}: Sketch): RetentionBackup => ({
  backupId: at,
  startedAt: new Date(at.length <= 16 ? `${at}Z` : at),
  status,
  provedCopies: proved ? 1 : 0,
  ...(compliant === undefined ? {} : { compliant }),
  tombstonedAt: tombstoned ? new Date('2026-11-01T00:00Z') : null,
  deletedAt: deleted ? new Date('2026-11-01T00:00Z') : null,
});
const plan = (sketches: (string | Sketch)[], policy: Partial<RetentionPolicy>, more: Partial<RetentionInput> = {}) =>
  planRetention({
    backups: sketches.map((sketch) => backup(typeof sketch === 'string' ? { at: sketch } : sketch)),
    policy: { ...NOTHING, ...policy },
    holds: [],
    now: new Date('2027-01-01T00:00Z'),
    ...more,
  });
const kept = (result: ReturnType<typeof plan>) =>
  result.decisions.filter(({ keep }) => keep).map(({ backupId }) => backupId);
const reasonsOf = (result: ReturnType<typeof plan>, id: string) =>
  result.decisions.find(({ backupId }) => backupId === id)?.reasons;

describe('the newest backup that meets the copy policy', () => {
  const reason = 'the newest backup that meets the copy policy';
  it('stays, however many newer ones do not meet it', () => {
    const result = plan(
      [
        { at: '2026-11-01T00:00', compliant: true },
        { at: '2026-11-02T00:00', compliant: true },
        '2026-11-03T00:00',
        '2026-11-04T00:00',
      ],
      { last: 1 },
    );
    expect(kept(result)).toEqual(['2026-11-04T00:00', '2026-11-02T00:00']);
    expect(reasonsOf(result, '2026-11-02T00:00')).toEqual([reason]);
  });

  it('is spared after it was marked, when no other meets it', () => {
    const result = plan([{ at: '2026-11-01T00:00', compliant: true, tombstoned: true }, '2026-11-03T00:00'], {
      last: 1,
    });
    expect(reasonsOf(result, '2026-11-01T00:00')).toContain(reason);
  });
});

describe('the retention plan', () => {
  it('gives each backup a decision with its reasons, newest first', () => {
    const result = plan(
      [
        '2026-11-16T02:00',
        '2026-11-17T02:00',
        '2026-11-18T02:00',
        '2026-11-18T14:00',
        '2026-10-05T02:00',
        '2026-09-30T02:00',
      ],
      { last: 2, daily: 2, weekly: 1, monthly: 2, yearly: 1 },
    );
    expect(result).toEqual({
      refused: null,
      decisions: [
        {
          backupId: '2026-11-18T14:00',
          keep: true,
          reasons: [
            'one of the last 1 proved (minimum)',
            'the newest backup',
            'one of the last 2',
            'daily: newest proved of 2026-11-18',
            'weekly: newest proved of 2026-W47',
            'monthly: newest proved of 2026-11',
            'yearly: newest proved of 2026',
          ],
        },
        { backupId: '2026-11-18T02:00', keep: true, reasons: ['one of the last 2'] },
        { backupId: '2026-11-17T02:00', keep: true, reasons: ['daily: newest proved of 2026-11-17'] },
        { backupId: '2026-11-16T02:00', keep: false, reasons: ['no rule keeps it'] },
        { backupId: '2026-10-05T02:00', keep: true, reasons: ['monthly: newest proved of 2026-10'] },
        { backupId: '2026-09-30T02:00', keep: false, reasons: ['no rule keeps it'] },
      ],
    });
  });

  it.each<[string, Partial<RetentionPolicy>, string[]]>([
    ['last', { last: 3 }, ['2026-11-21T12:00', '2026-11-21T11:30', '2026-11-21T11:00']],
    ['hourly', { hourly: 2 }, ['2026-11-21T12:00', '2026-11-21T11:30']],
    ['daily', { daily: 3 }, ['2026-11-21T12:00', '2026-11-20T12:00', '2026-11-15T12:00']],
    ['weekly', { weekly: 2 }, ['2026-11-21T12:00', '2026-11-15T12:00']],
    ['monthly', { monthly: 2 }, ['2026-11-21T12:00', '2026-10-31T12:00']],
    ['yearly', { yearly: 5 }, ['2026-11-21T12:00', '2025-12-31T12:00']],
    ['within', { within: DAY }, ['2026-11-21T12:00', '2026-11-21T11:30', '2026-11-21T11:00', '2026-11-20T12:00']],
  ])('keeps by the rule %s alone', (_rule, policy, expected) => {
    const all = [
      '2026-11-21T12:00',
      '2026-11-21T11:30',
      '2026-11-21T11:00',
      '2026-11-20T12:00',
      '2026-11-15T12:00',
      '2026-10-31T12:00',
      '2025-12-31T12:00',
    ];
    expect(kept(plan(all, policy))).toEqual(expected);
  });

  it('counts days as people in the time zone do', () => {
    // 23:30 UTC on the 20th is the 21st in Berlin.
    const all = ['2026-11-20T23:30', '2026-11-20T20:00', '2026-11-21T10:00'];
    expect(kept(plan(all, { daily: 2 }, { timezone: 'Europe/Berlin' }))).toEqual([
      '2026-11-21T10:00',
      '2026-11-20T20:00',
    ]);
    expect(kept(plan(all, { daily: 2, timezone: 'UTC' }))).toEqual(['2026-11-21T10:00', '2026-11-20T23:30']);
  });

  it('takes the hour that is repeated in autumn for two hours, and a day of 23 or 25 hours for one day', () => {
    const timezone = 'Europe/Berlin';
    // Clocks went back at 01:00 UTC on 2026-10-25: both are 02:30 there.
    const twice = ['2026-10-25T00:30', '2026-10-25T01:30'];
    expect(kept(plan(twice, { hourly: 2 }, { timezone }))).toHaveLength(2);
    const longDay = ['2026-10-24T22:05', '2026-10-25T22:55'];
    expect(kept(plan(longDay, { daily: 2 }, { timezone }))).toEqual(['2026-10-25T22:55']);
    const shortDay = ['2026-03-28T23:05', '2026-03-29T21:55'];
    expect(kept(plan(shortDay, { daily: 2 }, { timezone }))).toEqual(['2026-03-29T21:55']);
  });

  it('counts ISO weeks over the turn of the year', () => {
    const all = ['2024-12-30T12:00', '2025-01-05T12:00', '2024-12-29T12:00'];
    expect(kept(plan(all, { weekly: 2 }))).toEqual(['2025-01-05T12:00', '2024-12-29T12:00']);
  });

  it('lets no number of unproved backups displace a proved one', () => {
    const unproved = (at: string) => ({ at, proved: false });
    const result = plan(
      [
        unproved('2026-11-21T14:00'),
        unproved('2026-11-21T13:00'),
        '2026-11-21T12:00',
        unproved('2026-11-20T12:00'),
        '2026-11-19T12:00',
        '2026-11-18T12:00',
      ],
      { last: 2, daily: 2 },
    );
    expect(kept(result)).toEqual([
      '2026-11-21T14:00',
      '2026-11-21T13:00',
      '2026-11-21T12:00',
      '2026-11-20T12:00',
      '2026-11-19T12:00',
    ]);
    expect(reasonsOf(result, '2026-11-20T12:00')).toEqual(['daily: newest of 2026-11-20, not proved']);
  });

  it('keeps the newest proved ones whatever the rules say, and the newest of all', () => {
    const all = [{ at: '2026-11-21T12:00', proved: false }, '2026-11-20T12:00', '2026-11-19T12:00', '2026-11-18T12:00'];
    expect(kept(plan(all, { minProved: 2 }))).toEqual(['2026-11-21T12:00', '2026-11-20T12:00', '2026-11-19T12:00']);
    expect(kept(plan(all, { minProved: 0 }))).toEqual(['2026-11-21T12:00', '2026-11-20T12:00']);
  });

  it('deletes nothing while fewer are proved than must remain', () => {
    const all = ['2026-11-21T12:00', '2026-11-20T12:00', '2026-11-19T12:00'].map((at) => ({ at, proved: false }));
    expect(kept(plan(all, { last: 1 }))).toHaveLength(3);
    expect(kept(plan([...all, '2026-11-01T12:00'], { last: 1, minProved: 2 }))).toHaveLength(4);
  });

  it('keeps what is held, running or failed, with the reason', () => {
    const result = plan(
      [
        '2026-11-21T12:00',
        '2026-11-20T12:00',
        { at: '2026-11-19T12:00', status: 'failed', proved: false },
        { at: '2026-11-18T12:00', status: 'running', proved: false },
      ],
      { last: 1 },
      { holds: [{ backupId: '2026-11-20T12:00', holder: 'ana', reason: 'court order' }] },
    );
    expect(kept(result)).toHaveLength(4);
    expect(reasonsOf(result, '2026-11-20T12:00')).toEqual(['held by ana: court order']);
    expect(reasonsOf(result, '2026-11-19T12:00')![0]).toMatch(/^failed:/);
    expect(reasonsOf(result, '2026-11-18T12:00')).toEqual(['is running']);
  });

  it('does not count failed and running ones among the last', () => {
    const all = [
      { at: '2026-11-21T12:00', status: 'failed', proved: false },
      { at: '2026-11-20T12:00', status: 'running', proved: false },
      { at: '2026-11-19T12:00' },
      { at: '2026-11-18T12:00' },
    ] as const;
    expect(kept(plan([...all], { last: 2 }))).toHaveLength(4);
  });

  it('leaves tombstoned ones to go, unless the floor or a hold needs them after all', () => {
    const gone = { at: '2026-11-20T12:00', tombstoned: true };
    expect(reasonsOf(plan(['2026-11-21T12:00', gone], { last: 5 }), gone.at)).toEqual(['is tombstoned']);
    expect(kept(plan([{ at: '2026-11-21T12:00', proved: false }, gone], { last: 5 }))).toContain(gone.at);
    const holds = [{ backupId: gone.at, holder: 'ana', reason: 'x' }];
    expect(kept(plan(['2026-11-21T12:00', gone], {}, { holds }))).toContain(gone.at);
    expect(reasonsOf(plan([{ at: '2026-11-21T12:00', deleted: true }], {}), '2026-11-21T12:00')).toEqual([
      'is deleted',
    ]);
  });

  describe('under a wrong clock', () => {
    const daily = ['2026-11-18T12:00', '2026-11-19T12:00', '2026-11-20T12:00', '2026-11-21T12:00'];

    it('a year behind, deletes nothing and says why', () => {
      const result = plan(
        [...daily, { at: '2026-11-17T12:00', tombstoned: true }],
        { last: 1 },
        { now: new Date('2025-11-21T13:00Z') },
      );
      expect(kept(result)).toHaveLength(5);
      expect(result.refused).toContain('2026-11-21T12:00 began after now (2025-11-21T13:00:00.000Z)');
    });

    it('a year ahead, deletes no more than on time', () => {
      const policy = { within: 2 * DAY, daily: 1 };
      const onTime = plan(daily, policy, { now: new Date('2026-11-21T13:00Z') });
      expect(plan(daily, policy, { now: new Date('2027-11-21T13:00Z') })).toEqual(onTime);
      expect(kept(onTime)).toHaveLength(3);
    });

    it('a year ahead while one backup was taken, does not empty the repository by age', () => {
      const result = plan([...daily, '2027-11-21T12:00'], { within: 2 * DAY }, { now: new Date('2027-11-21T13:00Z') });
      expect(kept(result)).toEqual(['2027-11-21T12:00', '2026-11-21T12:00', '2026-11-20T12:00', '2026-11-19T12:00']);
    });

    it('that gives no time at all, deletes nothing', () => {
      expect(kept(plan(daily, { last: 1 }, { now: new Date(Number.NaN) }))).toHaveLength(4);
      const broken = { ...backup({ at: daily[0]! }), startedAt: new Date(Number.NaN) };
      const result = planRetention({ backups: [broken], policy: NOTHING, holds: [], now: new Date() });
      expect(result.decisions[0]?.keep).toBe(true);
    });
  });
});

describe('the retention plan, whatever the input,', () => {
  const anyBackup = fc.record({
    hours: fc.integer({ min: 0, max: 24 * 800 }),
    status: fc.constantFrom<RetentionBackup['status']>('completed', 'completed', 'completed', 'failed', 'running'),
    provedCopies: fc.integer({ min: 0, max: 2 }),
    tombstoned: fc.constantFrom(false, false, false, true),
  });
  const anyInput = fc
    .record({
      backups: fc.array(anyBackup, { minLength: 1, maxLength: 40 }),
      counts: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 6, maxLength: 6 }),
      within: fc.option(fc.integer({ min: 0, max: 400 * DAY }), { nil: undefined }),
      minProved: fc.integer({ min: 1, max: 4 }),
      held: fc.array(fc.nat(39), { maxLength: 4 }),
      timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia'),
    })
    .map(({ backups, counts, within, minProved, held, timezone }): RetentionInput => {
      const list = backups.map((sketch, index) => ({
        backupId: `b${index}`,
        startedAt: new Date(Date.UTC(2025, 0, 1) + sketch.hours * 3_600_000),
        status: sketch.status,
        provedCopies: sketch.status === 'completed' ? sketch.provedCopies : 0,
        tombstonedAt: sketch.tombstoned && sketch.status === 'completed' ? new Date(0) : null,
        deletedAt: null,
      }));
      const [last, hourly, daily, weekly, monthly, yearly] = counts as [number, number, number, number, number, number];
      return {
        backups: list,
        policy: { last, hourly, daily, weekly, monthly, yearly, within, minProved },
        holds: held.map((index) => ({ backupId: `b${index}`, holder: 'h', reason: 'r' })),
        now: new Date(Date.UTC(2028, 0, 1)),
        timezone,
      };
    });
  const keptOf = (input: RetentionInput) =>
    new Set(
      planRetention(input)
        .decisions.filter(({ keep }) => keep)
        .map(({ backupId }) => backupId),
    );
  const check = (predicate: (input: RetentionInput) => void) =>
    fc.assert(fc.property(anyInput, predicate), { numRuns: 300 });

  it('decides each backup once, with a reason', () => {
    check((input) => {
      const { decisions } = planRetention(input);
      expect(decisions.map(({ backupId }) => backupId).sort()).toEqual(
        input.backups.map(({ backupId }) => backupId).sort(),
      );
      expect(decisions.every(({ reasons }) => reasons.length > 0)).toBe(true);
    });
  });

  it('never goes below the newest proved ones, nor empties the repository', () => {
    check((input) => {
      const stays = keptOf(input);
      const proved = input.backups
        .filter((b) => b.status === 'completed' && b.provedCopies > 0)
        .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
      const live = proved.filter((b) => b.tombstonedAt === null).slice(0, input.policy.minProved);
      expect(proved.filter((b) => stays.has(b.backupId)).length).toBeGreaterThanOrEqual(
        Math.min(proved.length, input.policy.minProved),
      );
      // Ties in time may be broken either way.
      for (const b of live) {
        const newer = proved.filter((o) => o.tombstonedAt === null && o.startedAt >= b.startedAt).length;
        if (newer <= input.policy.minProved) expect(stays.has(b.backupId)).toBe(true);
      }
      if (input.backups.some((b) => b.status === 'completed' && b.tombstonedAt === null))
        expect(stays.size).toBeGreaterThan(0);
    });
  });

  it('always keeps what is held, and deletes no more when a hold is added', () => {
    fc.assert(
      fc.property(anyInput, fc.nat(39), (input, index) => {
        const before = keptOf(input);
        const after = keptOf({
          ...input,
          holds: [...input.holds, { backupId: `b${index}`, holder: 'x', reason: 'y' }],
        });
        for (const id of before) expect(after.has(id)).toBe(true);
        for (const hold of input.holds) {
          if (input.backups.some(({ backupId }) => backupId === hold.backupId))
            expect(before.has(hold.backupId)).toBe(true);
        }
      }),
    );
  });

  it('does not depend on the order of the input', () => {
    check((input) => {
      expect(planRetention({ ...input, backups: [...input.backups].reverse() })).toEqual(planRetention(input));
    });
  });

  it('comes to the same end when planned again after it was carried out', () => {
    check((input) => {
      const stays = keptOf(input);
      const tombstoned = input.backups.map((b) => (stays.has(b.backupId) ? b : { ...b, tombstonedAt: new Date(0) }));
      const removed = input.backups.filter((b) => stays.has(b.backupId));
      expect(keptOf({ ...input, backups: tombstoned })).toEqual(stays);
      expect(keptOf({ ...input, backups: removed })).toEqual(stays);
    });
  });

  it('keeps no less under a more generous policy', () => {
    fc.assert(
      fc.property(
        anyInput,
        fc.constantFrom('last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'),
        (input, rule) => {
          const more = { ...input.policy, [rule]: input.policy[rule as 'last'] + 1 };
          const after = keptOf({ ...input, policy: more });
          for (const id of keptOf(input)) expect(after.has(id)).toBe(true);
        },
      ),
    );
  });

  it('deletes nothing when a backup lies in the future', () => {
    check((input) => {
      const now = new Date(Math.max(...input.backups.map((b) => b.startedAt.getTime())) - 1);
      expect(keptOf({ ...input, now }).size).toBe(input.backups.length);
    });
  });
});
