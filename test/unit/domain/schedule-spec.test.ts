import { durationText, scheduleSpec } from '../../../src/domain/schedule-spec';

const UTC = { timezone: 'UTC' };

test.each([
  [{ every: 'hourly', at: '13:15' }, 'hourly at minute 15 (UTC)', { minute: 15, hour: '*' }],
  [{ every: 'daily', at: '02:30' }, 'daily at 02:30 (UTC)', { minute: 30, hour: 2, dayOfWeek: '*' }],
  [{ every: 'weekly', dayOfWeek: 'friday' }, 'weekly on friday at 00:00 (UTC)', { dayOfWeek: 'FRIDAY', hour: 0 }],
  [{ every: 'monthly', dayOfMonth: 5, at: '23:59' }, 'monthly on day 5 at 23:59 (UTC)', { dayOfMonth: 5, hour: 23 }],
] as const)('%j reads %s', (times, text, calendar) => {
  const spec = scheduleSpec({ ...times, ...UTC });
  expect(spec.text).toBe(text);
  expect(spec.calendar).toMatchObject(calendar);
});

test('an interval and a cron expression stay what they are', () => {
  expect(scheduleSpec({ interval: 900_000, ...UTC })).toMatchObject({
    intervalMs: 900_000,
    text: 'every 15m',
    calendar: null,
  });
  expect(scheduleSpec({ cron: '5 4 * * 1', timezone: 'Europe/Berlin' })).toMatchObject({
    cron: '5 4 * * 1',
    text: 'cron 5 4 * * 1 (Europe/Berlin)',
  });
});

test('durations read as people write them', () => {
  expect([86_400_000, 5_400_000, 90_000, 1_500].map(durationText)).toEqual(['1d', '90m', '90s', '1500ms']);
});
