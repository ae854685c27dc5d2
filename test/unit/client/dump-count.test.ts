import { dumpAttemptsIn } from '../../../src/client/dump-count';

const scheduled = (eventId: number, name: string) => ({
  eventId,
  activityTaskScheduledEventAttributes: { activityType: { name } },
});
const started = (eventId: number, scheduledEventId: number, attempt: number) => ({
  eventId,
  activityTaskStartedEventAttributes: { scheduledEventId, attempt },
});
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- event ids are Longs there, and numbers serve as well
const count = (events: any) => dumpAttemptsIn({ events });

describe('counting the dumps of a run', () => {
  it('counts every attempt of every dump, and no other activity', () => {
    expect(
      count([
        { eventId: 1, workflowExecutionStartedEventAttributes: {} },
        scheduled(5, 'admit'),
        started(6, 5, 4),
        scheduled(10, 'dump'),
        scheduled(11, 'fillStore'),
        started(12, 10, 2),
        started(13, 11, 7),
        scheduled(20, 'dump'),
        started(21, 20, 1),
      ]),
    ).toBe(3);
  });

  it('counts none where none was begun', () => {
    expect(count([])).toBe(0);
    expect(count(null)).toBe(0);
    expect(count([scheduled(5, 'dump')])).toBe(0);
  });
});
