import { type ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { HoldfastError } from '../../../src/errors/holdfast-error';
import { toFailure } from '../../../src/workers/error-mapping';
import { createLogger } from '../../../src/workers/logger';

const error = (retryable: boolean, cause?: unknown) =>
  new HoldfastError(
    'PG_DENIED',
    { summary: 'denied', hint: 'grant it', retryable, fault: 'environment' },
    'the role may not read postgresql://ana:hunter22@db/shop',
    { context: { table: 't', url: 'postgresql://ana:hunter22@db/shop' }, cause },
  );

test('a Holdfast error keeps its code, says what to do, and is permanent when its definition says so', () => {
  const failure = toFailure(error(false)) as ApplicationFailure;
  expect(failure).toMatchObject({ type: 'PG_DENIED', nonRetryable: true });
  expect(failure.message).toMatch(/HINT: grant it$/);
  expect(failure.details?.[0]).toMatchObject({ fault: 'environment', hint: 'grant it' });
  expect((toFailure(error(true)) as ApplicationFailure).nonRetryable).toBe(false);
});

test('no secret leaves, neither in the message nor in causes, stacks or context', () => {
  const cause = new Error('connect postgresql://ana:hunter22@db/shop', { cause: new Error('password=hunter22') });
  const failure = toFailure(error(false, cause)) as ApplicationFailure;
  const texts = (at: Error | undefined): string => (at ? `${at.message} ${at.stack} ${texts(at.cause as Error)}` : '');
  expect(texts(failure.cause)).not.toContain('hunter22');
  expect(failure.message + JSON.stringify(failure.details)).not.toContain('hunter22');
});

test("what is Temporal's already stays as it is", () => {
  const cancelled = new CancelledFailure('CANCELLED');
  expect(toFailure(cancelled)).toBe(cancelled);
});

test('an error that nobody foresaw may be tried again', () => {
  expect(toFailure(new TypeError('x is not a function'))).toMatchObject({ type: 'TypeError', nonRetryable: false });
  expect(toFailure('text')).toMatchObject({ type: 'UNEXPECTED' });
});

test('log lines are JSON and hold no secret, wherever it stands', () => {
  const lines: string[] = [];
  const logger = createLogger({ destination: { write: (line) => void lines.push(line) } });
  logger.warn('cannot reach postgresql://ana:hunter22@db/shop', {
    error: error(false),
    nested: { deep: ['password=hunter22'] },
    count: 3n,
  });
  logger.debug('not shown');
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('hunter22');
  expect(JSON.parse(lines[0]!)).toMatchObject({ count: '3', error: { code: 'PG_DENIED' } });
});
