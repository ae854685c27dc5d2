import { renderError, reportError } from '../../../../src/cli/output/errors';
import { cliError } from '../../../../src/errors/cli';
import { createUi } from '../../../../src/cli/output/ui';

const { colors } = createUi({ color: false });

test('an own error is told as code, message and hint', () => {
  const report = reportError(cliError('CLI_STORE_UNKNOWN', '', { context: { store: 's4' } }));
  expect(renderError(report, colors, false)).toBe(
    'error CLI_STORE_UNKNOWN: no store of that name is configured [store=s4]\nhint: see `holdfast store list`',
  );
  expect(report.exitCode).toBe(3);
});

test('an own error is found below others that wrap it', () => {
  const report = reportError(new Error('workflow failed', { cause: cliError('CLI_BACKUP_HELD') }));
  expect(report).toMatchObject({ code: 'CLI_BACKUP_HELD', exitCode: 4 });
});

test('an error that crossed Temporal keeps its code, and its hint is taken out of the message', () => {
  const inner = Object.assign(new Error('the bucket is not there [store=s3] HINT: create it'), {
    type: 'STORE_BUCKET_MISSING',
  });
  const report = reportError(new Error('Workflow execution failed', { cause: inner }));
  expect(report).toMatchObject({
    code: 'STORE_BUCKET_MISSING',
    message: 'the bucket is not there [store=s3]',
    hint: 'create it',
    exitCode: 3,
  });
});

test('a refused connection means that a service is unreachable', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
  expect(reportError(refused).exitCode).toBe(5);
});

test('secrets in messages of others are taken out', () => {
  expect(reportError(new Error('no route to postgresql://ana:tr0ub4dor@db/shop')).message).not.toContain('tr0ub4dor');
});

test('causes are told with --verbose only', () => {
  const report = reportError(cliError('CLI_USAGE', 'outer', { cause: new Error('inner') }));
  expect(renderError(report, colors, false)).not.toContain('inner');
  expect(renderError(report, colors, true)).toContain('caused by Error: inner');
});

test('an error that is its own cause ends', () => {
  const error = new Error('loop');
  error.cause = error;
  expect(reportError(error).message).toBe('loop');
});
