import { calendarAt, mayStart, openMinutes } from '../../../../src/domain/load/calendar';
import { deadlineAt, deadlineOutlook } from '../../../../src/domain/load/deadline';
import { DEFAULT_RULES, type LoadRules } from '../../../../src/domain/load/rules';
import { isInside, nextTimeOfDay, windowText, zoneClock, type WeeklyWindow } from '../../../../src/domain/load/windows';

const HOUR = 3_600_000;
/** A Monday, 00:00 UTC. */
const MONDAY = Date.UTC(2026, 10, 23);
const window = (from: string, to: string, days: WeeklyWindow['days'] = []): WeeklyWindow => ({ days, from, to });
const rules = (changes: Partial<LoadRules>): LoadRules => ({ ...DEFAULT_RULES, ...changes });
const minute = (day: number, hours: number, minutes = 0) => (day * 24 + hours) * 60 + minutes;

describe('a weekly window', () => {
  test.each([
    [window('06:00', '22:00'), minute(0, 6), true],
    [window('06:00', '22:00'), minute(0, 22), false],
    [window('22:00', '05:00'), minute(0, 23), true],
    [window('22:00', '05:00'), minute(0, 4, 59), true],
    [window('22:00', '05:00'), minute(0, 5), false],
    // It opens on Sunday and reaches into Monday, around the end of the week.
    [window('22:00', '05:00', ['sunday']), minute(0, 4), true],
    [window('22:00', '05:00', ['sunday']), minute(6, 23), true],
    [window('22:00', '05:00', ['sunday']), minute(6, 4), false],
    [window('00:00', '24:00', ['saturday']), minute(5, 23, 59), true],
    [window('00:00', '24:00', ['saturday']), minute(6, 0), false],
    [window('03:00', '03:00'), minute(0, 3), false],
  ])('%p at minute %p of the week: %p', (one, at, inside) => {
    expect(isInside(one, at)).toBe(inside);
  });

  test.each([
    [window('06:00', '22:00'), 'daily 06:00–22:00'],
    [window('06:00', '22:00', ['monday', 'tuesday', 'wednesday']), 'mon-wed 06:00–22:00'],
    [window('00:00', '24:00', ['sunday', 'saturday']), 'sat, sun 00:00–24:00'],
  ])('%p reads %p', (one, text) => expect(windowText(one)).toBe(text));
});

describe('clocks', () => {
  test.each([
    // Clocks of Berlin go back at 01:00 UTC on 25 October 2026, forward on 29 March 2026.
    ['Europe/Berlin', Date.UTC(2026, 9, 24, 20), 6 * 60, Date.UTC(2026, 9, 25, 5)],
    ['Europe/Berlin', Date.UTC(2026, 2, 28, 20), 6 * 60, Date.UTC(2026, 2, 29, 4)],
    ['Europe/Berlin', Date.UTC(2026, 6, 1, 4), 6 * 60, Date.UTC(2026, 6, 2, 4)],
    ['Asia/Kolkata', Date.UTC(2026, 6, 1, 0), 6 * 60, Date.UTC(2026, 6, 1, 0, 30)],
    ['UTC', MONDAY + 30_000, 0, MONDAY + 24 * HOUR],
  ])('in %s after %p the next minute %p of a day is %p', (zone, now, at, expected) => {
    expect(nextTimeOfDay(zoneClock(zone), now, at)).toBe(expected);
  });

  test('a time that clocks skip is the instant at which they skip it, more or less an hour', () => {
    const next = nextTimeOfDay(zoneClock('Europe/Berlin'), Date.UTC(2026, 2, 28, 20), 150);
    expect(Math.abs(next - Date.UTC(2026, 2, 29, 1))).toBeLessThanOrEqual(HOUR);
  });
});

describe('the calendar', () => {
  test('in peak hours their limits stand in place of those of the same signals', () => {
    const at = (hour: number) => calendarAt(DEFAULT_RULES, MONDAY + hour * HOUR);
    const cpu = (hour: number) => at(hour).limits.find(({ signal }) => signal === 'hostCpu')!.throttle;
    expect([at(5).peak, at(6).peak, at(21).peak, at(22).peak]).toEqual([false, true, true, false]);
    expect([cpu(5), cpu(6)]).toEqual([0.75, 0.3]);
    expect(at(6).limits).toHaveLength(DEFAULT_RULES.limits.length);
  });

  test('of two protected windows the one that pauses counts', () => {
    const all = { name: 'a', ...window('00:00', '24:00'), action: 'noStart' as const };
    const both = rules({ protected: [all, { ...all, name: 'b', action: 'pause' }] });
    expect(calendarAt(both, MONDAY).protectedBy!.name).toBe('b');
  });

  test('a backup starts in its windows only, and is told when they open', () => {
    const nightly = rules({ timeZone: 'Europe/Berlin', windows: [window('22:00', '05:00')] });
    expect(mayStart(nightly, MONDAY)).toEqual({ ok: true });
    expect(mayStart(nightly, MONDAY + 9 * HOUR)).toEqual({
      ok: false,
      reason: 'outside of its windows (daily 22:00–05:00, Europe/Berlin)',
      opensAt: MONDAY + 21 * HOUR,
    });
  });

  test('a protected time keeps it away, until it ends', () => {
    const held = rules({ protected: [{ name: 'booking', ...window('00:00', '03:30'), action: 'noStart' }] });
    expect(mayStart(held, MONDAY + HOUR)).toEqual({
      ok: false,
      reason: 'booking is protected (daily 00:00–03:30, UTC)',
      opensAt: MONDAY + 3.5 * HOUR,
    });
    expect(mayStart(held, MONDAY + 3.5 * HOUR)).toEqual({ ok: true });
  });

  test('an opening behind a change of clocks is the right instant', () => {
    const late = rules({ timeZone: 'Europe/Berlin', windows: [window('05:00', '06:00', ['sunday'])] });
    const answer = mayStart(late, Date.UTC(2026, 9, 24, 20));
    expect(!answer.ok && answer.opensAt).toBe(Date.UTC(2026, 9, 25, 4));
  });

  test('windows that protected times cover have no open minute', () => {
    const whole = { name: 'x', ...window('00:00', '24:00'), action: 'pause' as const };
    expect(openMinutes(rules({ windows: [window('22:00', '05:00')] }))).toBe(7 * 7 * 60);
    expect(openMinutes(rules({ protected: [whole] }))).toBe(0);
    const answer = mayStart(rules({ protected: [whole] }), MONDAY);
    expect(!answer.ok && answer.opensAt).toBeNull();
  });
});

describe('a deadline', () => {
  const clock = zoneClock('UTC');
  const outlook = (changes: Partial<Parameters<typeof deadlineOutlook>[0]>) =>
    deadlineOutlook(
      {
        now: MONDAY,
        deadlineAt: MONDAY + HOUR,
        bytesLeft: 36e9,
        bytesPerSecond: 10e6,
        fullBytesPerSecond: 20e6,
        ...changes,
      },
      () => '01:00',
    ).state;

  test('by time of day is the next one after the start; by time it counts from the start', () => {
    expect(deadlineAt({ doneBy: '06:00' }, MONDAY + 2 * HOUR, clock)).toBe(MONDAY + 6 * HOUR);
    expect(deadlineAt({ doneBy: '06:00' }, MONDAY + 22 * HOUR, clock)).toBe(MONDAY + 30 * HOUR);
    expect(deadlineAt({ withinMs: HOUR }, MONDAY, clock)).toBe(MONDAY + HOUR);
  });

  test.each([
    [{}, 'met'],
    [{ bytesPerSecond: 9e6 }, 'atRisk'],
    [{ bytesPerSecond: 0 }, 'atRisk'],
    [{ bytesPerSecond: 9e6, fullBytesPerSecond: 9e6 }, 'lost'],
    [{ bytesPerSecond: 0, fullBytesPerSecond: null }, 'lost'],
    [{ bytesLeft: null }, 'unknown'],
    [{ bytesPerSecond: null }, 'unknown'],
    [{ bytesLeft: 0, now: MONDAY + 2 * HOUR }, 'met'],
    [{ now: MONDAY + HOUR }, 'lost'],
  ])('with %p is %s', (changes, state) => expect(outlook(changes)).toBe(state));
});
