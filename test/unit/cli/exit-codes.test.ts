import { EXIT, EXIT_RULES, exitCodeOf } from '../../../src/cli/exit-codes';
import { allErrors } from './support/all-errors';

test.each([
  ['CLI_USAGE', EXIT.usage],
  ['CONFIG_INVALID', EXIT.usage],
  ['CLI_BACKUP_UNKNOWN', EXIT.notFound],
  ['RUN_NOT_ACTIVE', EXIT.notFound],
  ['CLI_CONFIRMATION_REQUIRED', EXIT.refused],
  ['PG_TARGET_NOT_EMPTY', EXIT.refused],
  ['PG_TOOLS_TOO_OLD', EXIT.refused],
  ['TEMPORAL_UNREACHABLE', EXIT.unreachable],
  ['STORE_CREDENTIALS_INVALID', EXIT.unreachable],
  ['VERIFY_ROWS_DIFFER', EXIT.proofFailed],
  ['REPO_SEGMENT_DAMAGED', EXIT.proofFailed],
  ['CLI_INTERRUPTED', EXIT.interrupted],
  ['PG_TOOL_FAILED', EXIT.failed],
  ['SOMETHING_NEW', EXIT.failed],
])('%s ends with %d', (code, exit) => {
  expect(exitCodeOf(code)).toBe(exit);
});

test('every rule fits at least one error that exists', () => {
  const codes = allErrors().map((error) => error.code);
  const dead = EXIT_RULES.flatMap(([, patterns]) => patterns).filter(
    (pattern) => !codes.some((code) => pattern.test(code)),
  );
  expect(dead).toEqual([]);
});
