import { isConnectionLost, toCatalogError } from '../../../src/catalog/errors';
import { storableJson, storableMessage } from '../../../src/catalog/text';
import { jobUuid } from '../../../src/catalog/jobs';

describe('errors of the catalogue', () => {
  it.each([
    ['57P01', 'terminating connection', 'CATALOG_UNREACHABLE', true],
    ['08006', 'connection failure', 'CATALOG_UNREACHABLE', true],
    ['53300', 'too many connections', 'CATALOG_UNREACHABLE', true],
    ['ECONNREFUSED', 'connect ECONNREFUSED', 'CATALOG_UNREACHABLE', true],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND', 'CATALOG_UNREACHABLE', true],
    ['', 'Connection terminated unexpectedly', 'CATALOG_UNREACHABLE', true],
    ['', 'timeout exceeded when trying to connect', 'CATALOG_UNREACHABLE', true],
    ['28P01', 'password authentication failed', 'CATALOG_ACCESS_DENIED', false],
    ['42501', 'permission denied', 'CATALOG_ACCESS_DENIED', false],
    ['3D000', 'no database', 'CATALOG_DATABASE_MISSING', false],
    ['42P01', 'no table', 'CATALOG_NOT_MIGRATED', false],
    ['40001', 'could not serialize', 'CATALOG_BUSY', true],
    ['57014', 'statement timeout', 'CATALOG_BUSY', true],
    ['25006', 'read-only', 'CATALOG_READ_ONLY', true],
    ['53100', 'disk full', 'CATALOG_READ_ONLY', true],
    ['23514', 'check violated', 'CATALOG_FAILED', false],
    ['EFAULT', 'odd', 'CATALOG_FAILED', false],
  ])('%s %s is %s', (code, message, expected, retryable) => {
    const error = Object.assign(new Error(message), code ? { code } : {});
    expect(toCatalogError(error, 'catalog')).toMatchObject({
      code: expected,
      retryable,
      context: { connection: 'catalog' },
    });
  });

  it('repeat no secret', () => {
    expect(toCatalogError(new Error('at postgres://u:hunter2@h/d'), 'c').message).not.toContain('hunter2');
  });

  it('of a broken connection are told from refused ones', () => {
    expect(isConnectionLost(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isConnectionLost(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBe(false);
  });
});

describe('what is stored', () => {
  it('is text that PostgreSQL takes', () => {
    expect(storableMessage(`a\0b\ud800${'x'.repeat(9_000)}`)).toHaveLength(4_000);
    expect(storableJson({ b: undefined, a: ['\0x', Number.NaN], z: { y: 1, x: 2 } })).toEqual({
      a: ['x', null],
      z: { x: 2, y: 1 },
    });
    expect(JSON.stringify(storableJson({ z: 1, a: 2 }))).toBe('{"a":2,"z":1}');
  });

  it('has the same id for the same backup', () => {
    expect(jobUuid('a')).toBe(jobUuid('a'));
    expect(jobUuid('a')).not.toBe(jobUuid('b'));
  });
});
