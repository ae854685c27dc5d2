import { addTotals, closingLines, NO_TESTS, totalsOf } from '../../../scripts/test-totals';

const report = {
  numPassedTests: 10,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numTotalTestSuites: 2,
  numFailedTestSuites: 0,
  numRuntimeErrorTestSuites: 0,
};

describe('the closing lines of npm test', () => {
  it('ends with one plain line', () => {
    expect(closingLines(addTotals(NO_TESTS, totalsOf(report)), 0).at(-1)).toBe('10 passed, 0 failed');
  });

  it('counts a test file that could not be run as a failure, and names what was skipped', () => {
    const broken = totalsOf({ ...report, numRuntimeErrorTestSuites: 1, numFailedTestSuites: 1, numPendingTests: 2 });
    expect(closingLines(broken, 1)).toEqual([
      '1 of the steps above failed',
      'Test Suites: 1 failed, 1 passed, 2 total',
      'Tests: 1 failed, 2 skipped, 10 passed, 13 total',
      '10 passed, 1 failed, 2 skipped',
    ]);
  });
});
