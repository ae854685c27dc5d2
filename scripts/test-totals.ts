/** What is read of jest's JSON report. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numTotalTestSuites: number;
  readonly numFailedTestSuites: number;
  /** Files that could not be run at all; their tests are not counted anywhere else. */
  readonly numRuntimeErrorTestSuites: number;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly suites: number;
  readonly suitesFailed: number;
}

export const NO_TESTS: Totals = { passed: 0, failed: 0, skipped: 0, suites: 0, suitesFailed: 0 };

/** A test file that could not be run counts as one failed test. */
export function totalsOf(report: JestReport): Totals {
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
    suites: report.numTotalTestSuites,
    suitesFailed: report.numFailedTestSuites,
  };
}

export function addTotals(one: Totals, other: Totals): Totals {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
    suites: one.suites + other.suites,
    suitesFailed: one.suitesFailed + other.suitesFailed,
  };
}

/** Jest's own two lines over all runs, then the plain one that scripts read. */
export function closingLines(totals: Totals, failedSteps: number): string[] {
  const { passed, failed, skipped, suites, suitesFailed } = totals;
  const skippedPart = skipped > 0 ? `, ${skipped} skipped` : '';
  return [
    ...(failedSteps > 0 ? [`${failedSteps} of the steps above failed`] : []),
    `Test Suites: ${suitesFailed} failed, ${suites - suitesFailed} passed, ${suites} total`,
    `Tests: ${failed} failed${skippedPart}, ${passed} passed, ${passed + failed + skipped} total`,
    `${passed} passed, ${failed} failed${skippedPart}`,
  ];
}
