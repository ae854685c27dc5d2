import { postgresError } from '../../../src/errors/postgres';
import { repositoryError } from '../../../src/errors/repository';
import { verifyError } from '../../../src/errors/verify';
import { classifyFailure } from '../../../src/verify/classify';

const child = (text: string) =>
  postgresError('PG_TOOL_FAILED', 'restoring: pg_restore ended with code 1', { cause: new Error(text) });

describe('what a failed proof says about the copy', () => {
  it.each([
    ['ERROR: extension "postgis" is not available', 'VERIFY_EXTENSION_MISSING', 'postgis'],
    [
      'could not open extension control file "/usr/share/postgresql/15/extension/h3.control": No such file',
      'VERIFY_EXTENSION_MISSING',
      'h3',
    ],
    ['could not access file "$libdir/timescaledb-2": No such file', 'VERIFY_EXTENSION_MISSING', 'timescaledb-2'],
    ['ERROR:  unsupported XML feature', 'VERIFY_SURROUNDINGS', 'built without'],
    ['ERROR: role "billing" does not exist', 'VERIFY_SURROUNDINGS', 'billing'],
    ['ERROR: could not extend file "base/5/16384": No space left on device', 'VERIFY_RESOURCES', 'No space left'],
  ])('blames the surroundings for %s', (text, code, word) => {
    const failure = classifyFailure(child(text), 'restore');
    expect(failure).toMatchObject({ class: 'environment', code });
    expect(failure.message).toContain(word);
  });

  it('blames the copy when PostgreSQL refuses what it holds', () => {
    expect(classifyFailure(child('ERROR: relation "x" already exists'), 'restore')).toMatchObject({
      class: 'data',
      code: 'VERIFY_RESTORE_FAILED',
    });
  });

  it('lets what the store said explain a restore that failed after it', () => {
    const damaged = repositoryError('REPO_SEGMENT_DAMAGED', '', { context: { store: 's3' } });
    expect(classifyFailure(child('unexpected end of file'), 'restore', damaged)).toMatchObject({
      class: 'data',
      code: 'REPO_SEGMENT_DAMAGED',
    });
  });

  it('lets the end of the scratch server explain everything else', () => {
    const died = verifyError('SCRATCH_SERVER_DIED', 'ended by SIGKILL');
    expect(classifyFailure(died, 'restore', new Error('aborted'))).toMatchObject({
      class: 'environment',
      code: died.code,
    });
  });

  it('reads the numbers of the operating system and of PostgreSQL', () => {
    for (const code of ['EMFILE', 'ENOSPC', 'ENOMEM', '53200', '57P02', '58030'])
      expect(classifyFailure(Object.assign(new Error('no'), { code }), 'compare').class).toBe('environment');
  });

  it('claims nothing about a copy when it does not know what happened', () => {
    expect(classifyFailure(new TypeError('x is not a function'), 'compare')).toMatchObject({
      class: 'not-tested',
      code: 'VERIFY_INTERRUPTED',
    });
  });
});
