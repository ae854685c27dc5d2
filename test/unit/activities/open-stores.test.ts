import { noStore } from '../../../src/activities/open-stores';
import { storageError } from '../../../src/errors/storage';

const missing = storageError('STORE_BUCKET_MISSING', 'the bucket is not there', { context: { store: 'one' } });
const away = storageError('STORE_UNREACHABLE', 'connection refused', { context: { store: 'two' } });

describe('when no store can be written to', () => {
  it('fails as the store says, when no retry would mend it', () => {
    expect(noStore(['one'], [missing])).toBe(missing);
  });

  it('tells what every store says, and may be tried again, when one may come back', () => {
    const error = noStore(['one', 'two'], [missing, away]) as Error & { code: string; retryable: boolean };
    expect(error).toMatchObject({ code: 'RUN_NO_STORE', retryable: true });
    expect(error.message).toContain('one: STORE_BUCKET_MISSING the bucket is not there');
    expect(error.message).toContain('two: STORE_UNREACHABLE connection refused');
  });
});
