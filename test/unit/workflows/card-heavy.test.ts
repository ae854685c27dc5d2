import { heavyCard } from '../../../src/workflows/card-heavy';
import type { HeavyAsk } from '../../../src/domain/load/places';

const ask = (id: string, kind: HeavyAsk['kind'], database: string): HeavyAsk => ({
  ...{ id, kind, database, runId: 'r', priority: 'normal', askedAt: 0 },
});

test('shows who does heavy work, and who waits for it, in order and why', () => {
  const card = heavyCard({
    atMost: 2,
    stop: null,
    running: [{ ...ask('backup/orders', 'backup', 'orders'), since: 1_000 }],
    waiting: [{ ...ask('verify/shop/b/disk', 'verify', 'shop'), place: 1, text: 'waits for one of 2 places' }],
  });
  expect(card).toContain('### 1 under way, 1 waiting');
  expect(card).toContain('| ▶️ | backup of orders | normal | 1970-01-01T00:00:01.000Z | `backup/orders` |');
  expect(card).toContain(
    '| 1 | proof of shop | normal | 1970-01-01T00:00:00.000Z | waits for one of 2 places `verify/shop/b/disk` |',
  );
});

test('says that nobody does heavy work, and that a stop stands; what people wrote breaks no table', () => {
  expect(heavyCard({ atMost: 2, stop: null, running: [], waiting: [] })).toContain('### Nobody does heavy work');
  const stop = 'an emergency stop of ana stands: a|b\nc';
  expect(heavyCard({ atMost: 2, stop, running: [], waiting: [] })).toContain(
    '⛔ an emergency stop of ana stands: a\\|b c.',
  );
});
