import * as fc from 'fast-check';
import { complianceReport, type ComplianceChange, type ReportedBackup } from '../../../src/domain/compliance-report';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 9, minute));
const backup = (backupId: string, done: number | null, deleted: number | null = null): ReportedBackup => ({
  backupId,
  completedAt: done === null ? null : at(done),
  deletedAt: deleted === null ? null : at(deleted),
});
const change = (backupId: string, minute: number, met: number): ComplianceChange => ({
  backupId,
  at: at(minute),
  state: `${met}/3`,
  compliant: met === 3,
  missing: met === 3 ? [] : [{ clause: 'copies', have: met, want: 3, sentence: `${met} of 3 copies` }],
});
const spansOf = (backups: ReportedBackup[], changes: ComplianceChange[], from = 0, to = 60) =>
  complianceReport({ backups, changes, from: at(from), to: at(to) }).spans.map(
    ({ from: start, to: end, compliant, state }) => [start.getUTCMinutes(), minuteOf(end), compliant, state],
  );
const minuteOf = (date: Date) => (date.getTime() - at(0).getTime()) / 60_000;

test('the newest complete backup of a moment decides', () => {
  expect(
    spansOf([backup('a', 10), backup('b', 30)], [change('a', 10, 3), change('b', 30, 2), change('b', 40, 3)]),
  ).toEqual([
    [0, 10, null, null],
    [10, 30, true, '3/3'],
    [30, 40, false, '2/3'],
    [40, 60, true, '3/3'],
  ]);
});

test('what happened before the time that is asked for counts in it', () => {
  expect(spansOf([backup('a', 1)], [change('a', 1, 2), change('a', 20, 3)], 10, 30)).toEqual([
    [10, 20, false, '2/3'],
    [20, 30, true, '3/3'],
  ]);
});

test('a newest backup that is deleted leaves the one before it; the last one leaves nothing, which is not compliant', () => {
  const backups = [backup('a', 5, 30), backup('b', 10, 20)];
  expect(spansOf(backups, [change('a', 5, 3), change('b', 10, 1)])).toEqual([
    [0, 5, null, null],
    [5, 10, true, '3/3'],
    [10, 20, false, '1/3'],
    [20, 30, true, '3/3'],
    [30, 60, false, null],
  ]);
});

test('the share is of the time that is known', () => {
  const found = complianceReport({
    backups: [backup('a', 20)],
    changes: [change('a', 20, 3), change('a', 50, 2)],
    from: at(0),
    to: at(60),
  });
  expect(found).toMatchObject({ share: 0.75, compliantMs: 30 * 60_000, knownMs: 40 * 60_000, lastCompliantAt: at(50) });
  expect(complianceReport({ backups: [], changes: [], from: at(0), to: at(60) }).share).toBeNull();
});

test('spans have no gaps, lie within what was asked for, and their lengths add up', () => {
  const minutes = fc.nat(90);
  const worlds = fc.tuple(
    fc.array(fc.tuple(minutes, fc.option(minutes)), { maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(6), minutes, fc.nat(3)), { maxLength: 20 }),
  );
  fc.assert(
    fc.property(worlds, minutes, minutes, ([made, said], a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const report = complianceReport({
        backups: made.map(([done, gone], index) => backup(String(index), done, gone === null ? null : done + gone)),
        changes: said
          .map(([which, minute, met]) => change(String(which), minute, met))
          .sort((x, y) => x.at.getTime() - y.at.getTime()),
        from: at(from),
        to: at(to),
      });
      const total = report.spans.reduce((sum, span) => sum + span.to.getTime() - span.from.getTime(), 0);
      expect(total).toBe((to - from) * 60_000);
      report.spans.forEach((span, index) => {
        expect(span.from).toEqual(index === 0 ? at(from) : report.spans[index - 1]!.to);
        expect(span.to.getTime()).toBeGreaterThan(span.from.getTime());
      });
      if (report.share !== null) expect(report.share >= 0 && report.share <= 1).toBe(true);
    }),
  );
});
