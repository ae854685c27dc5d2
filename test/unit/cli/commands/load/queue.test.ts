import { renderQueue, type QueueView } from '../../../../../src/cli/commands/load/queue';
import { createUi } from '../../../../../src/cli/output/ui';

const { colors } = createUi({ color: false } as never);
const now = new Date('2026-11-21T20:00:00Z');
const ago = (minutes: number) => now.getTime() - minutes * 60_000;
const one = { runId: 'r', kind: 'backup' as const, priority: 'normal' as const, askedAt: ago(3) };
const empty: QueueView = { atMost: 2, stop: null, running: [], waiting: [], notYet: [] };

test('shows what runs, what waits in order and why, and what waits for its time', () => {
  const view: QueueView = {
    ...empty,
    running: [{ ...one, id: 'backup/orders', database: 'orders', since: ago(2) }],
    waiting: [
      {
        ...one,
        ...{ id: 'verify/shop/b/disk', database: 'shop', kind: 'verify', priority: 'low', place: 1 },
        text: 'waits for one of 2 places',
      },
    ],
    notYet: [
      {
        database: 'ledger',
        reason: 'outside of its windows (daily 22:00–05:00, UTC)',
        until: '2026-11-21T22:00:00.000Z',
      },
    ],
  };
  const lines = renderQueue(view, now, colors).split('\n');
  expect(lines[0]).toBe('1 of 2 places taken, 1 waiting');
  expect(lines[2]).toMatch(/^PLACE +WORK +PRIORITY +SINCE +WHY$/);
  expect(lines[3]).toMatch(/^runs +backup of orders +normal +2 min ago/);
  expect(lines[4]).toMatch(/^1 +proof of shop +low +3 min ago +waits for one of 2 places$/);
  expect(lines[5]).toMatch(
    /^not yet +backup of ledger +outside of its windows .*, until 2026-11-21T22:00:00.000Z \(in 2 h\)$/,
  );
});

test('an empty queue is one line, and a stop is said first', () => {
  expect(renderQueue(empty, now, colors)).toBe('no heavy work, 2 places free');
  const stop = 'an emergency stop of ana stands: the site is down';
  expect(renderQueue({ ...empty, stop }, now, colors)).toBe(`stopped: ${stop}\nno heavy work, 2 places free`);
});
