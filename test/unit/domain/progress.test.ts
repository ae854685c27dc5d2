import { FULL_PACE } from '../../../src/domain/pace';
import { finishedDump, type DumpProgress } from '../../../src/domain/progress';

test('after the dump its result counts, not the last report', () => {
  const last: DumpProgress = {
    attempt: 2,
    current: 'public.t',
    tablesDone: 1,
    tablesTotal: 2,
    rows: 511_520,
    plainBytes: 142,
    plainBytesExpected: 183,
    sealedBytes: 20,
    uploadedBytes: 15,
    reusedBytes: 5,
    bytesPerSecond: 76,
    elapsedMs: 2_000,
    etaMs: 543,
    pace: FULL_PACE,
  };
  const result = { rows: 720_000, plainBytes: 156, sealedBytes: 26, uploadedBytes: 20, reusedBytes: 6 };
  expect(finishedDump(last, result)).toEqual({
    ...last,
    ...result,
    plainBytesExpected: 156,
    current: null,
    tablesDone: 2,
    bytesPerSecond: 0,
    etaMs: 0,
  });
});
