import fc from 'fast-check';
import {
  loadStatement,
  readBackQuery,
  readStatement,
  truncateStatement,
} from '../../../src/engines/logical/copy-statement';
import { parseNamePattern } from '../../../src/engines/logical/patterns';
import { planRoles } from '../../../src/engines/logical/restore-roles';
import { onlyUnknownTimeout } from '../../../src/engines/logical/restore';
import { schemaFilters, tablePatterns } from '../../../src/engines/logical/schema-dump';
import { splitStatements } from '../../../src/engines/logical/sql-statements';
import { parseArchiveList } from '../../../src/engines/logical/archive-list';

const table = { schema: 'a', name: 'b"c', columns: ['select', 'é'] };

describe('COPY statements', () => {
  test('quote every name', () => {
    expect(loadStatement(table, 'UTF8')).toBe('COPY "a"."b""c" ("select","é") FROM stdin');
    expect(truncateStatement(table, 'UTF8')).toBe('TRUNCATE ONLY "a"."b""c"');
  });

  test('have no column list for a table without columns', () => {
    expect(loadStatement({ ...table, columns: [] }, 'UTF8')).toBe('COPY "a"."b""c" FROM stdin');
    expect(readStatement({ ...table, columns: [] }, { fromBlock: 0, toBlock: 8 }, 'UTF8')).toBe(
      `COPY (SELECT  FROM ONLY "a"."b""c" WHERE ctid < '(8,0)') TO STDOUT`,
    );
  });

  test('read a range of blocks, open at the end of the table', () => {
    expect(readStatement(table, { fromBlock: 8, toBlock: 16 }, 'UTF8')).toContain(
      `WHERE ctid >= '(8,0)' AND ctid < '(16,0)') TO STDOUT`,
    );
    expect(readStatement(table, { fromBlock: 16, toBlock: null }, 'UTF8')).toContain(
      `WHERE ctid >= '(16,0)') TO STDOUT`,
    );
  });

  test('are ASCII alone where rows are in another encoding', () => {
    expect(loadStatement({ schema: 's', name: 'é\\🙂', columns: [] }, 'LATIN1')).toBe(
      'COPY "s".U&"\\00e9\\\\\\+01f642" FROM stdin',
    );
  });

  test('read back what was loaded', () => {
    const dumped = { oid: 1, ...table, rows: 0, bytes: 0, files: [] };
    expect(readBackQuery({ ...dumped, copyStatement: loadStatement(table, 'UTF8') })).toBe(
      'COPY "a"."b""c" ("select","é") TO STDOUT',
    );
    expect(readBackQuery(dumped)).toBe('COPY "a"."b""c" ("select","é") TO STDOUT');
  });
});

describe('patterns', () => {
  test('fold, quote and match as those of pg_dump', () => {
    expect(parseNamePattern('App.Ord*')).toEqual({ schema: '^(app)$', name: '^(ord.*)$' });
    expect(parseNamePattern('"A.b".x?')).toEqual({ schema: '^(A\\.b)$', name: '^(x.)$' });
    expect(parseNamePattern('"a""b"')).toEqual({ schema: null, name: '^(a"b)$' });
    expect(parseNamePattern('t$1')).toEqual({ schema: null, name: '^(t\\$1)$' });
    expect(() => parseNamePattern('a.b.c')).toThrow(RangeError);
  });

  test('for pg_dump name tables exactly, many of a schema at once', () => {
    expect(tablePatterns([{ schema: 's', name: 'a' }])).toEqual(['"s"."a"']);
    expect(
      tablePatterns([
        { schema: 's', name: 'a' },
        { schema: 's', name: 'b|"c' },
      ]),
    ).toEqual(['"s".("a"|"b|""c")']);
  });

  test('are none at all for a database without tables', () => {
    const selection = { relations: [], excluded: [], mode: 'all' as const, schemas: [], excludedSchemas: [] };
    expect(schemaFilters(selection, [])).toEqual([]);
  });
});

describe('roles', () => {
  const globals = [
    '--\n-- Roles; not statements\n--\n\\restrict abc',
    'CREATE ROLE here;\nALTER ROLE here WITH SUPERUSER;',
    `CREATE ROLE "a;b";\nALTER ROLE "a;b" WITH LOGIN PASSWORD 'x;''y';`,
    `COMMENT ON ROLE "a;b" IS E'it\\'s; here';`,
    'GRANT here TO "a;b" WITH ADMIN OPTION GRANTED BY postgres;\nGRANT pg_read_all_data TO here;',
  ].join('\n');

  test('that are missing are made, with what concerns them, and no other is touched', () => {
    const plan = planRoles(globals, new Set(['here', 'postgres']));
    expect(plan.create).toEqual([{ role: 'a;b', sql: 'CREATE ROLE "a;b"' }]);
    expect(plan.then).toEqual([
      `ALTER ROLE "a;b" WITH LOGIN PASSWORD 'x;''y'`,
      `COMMENT ON ROLE "a;b" IS E'it\\'s; here'`,
      'GRANT here TO "a;b" WITH ADMIN OPTION GRANTED BY postgres',
    ]);
  });

  test('are not made twice', () => {
    expect(planRoles(globals, new Set(['here', 'a;b']))).toEqual({ create: [], then: [] });
  });

  test('are split at semicolons outside quotes only', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (texts) => {
        const statements = texts.map(
          (text) => `SELECT '${text.replaceAll("'", "''")}' AS "${text.replaceAll('"', '""')}"`,
        );
        expect(splitStatements(statements.join(';\n'))).toEqual(statements);
      }),
    );
  });
});

describe('what pg_restore says', () => {
  const refusal =
    'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"\nCommand was: SET transaction_timeout = 0;\n';
  test('is forgiven when it is the one known refusal, and nothing else', () => {
    expect(onlyUnknownTimeout(`${refusal}pg_restore: warning: errors ignored on restore: 1`)).toBe(true);
    expect(onlyUnknownTimeout(`${refusal}${refusal}pg_restore: warning: errors ignored on restore: 1`)).toBe(true);
  });
  test('is a failure when anything else went wrong, or more than is told', () => {
    expect(onlyUnknownTimeout(`${refusal}pg_restore: warning: errors ignored on restore: 2`)).toBe(false);
    expect(onlyUnknownTimeout(refusal)).toBe(false);
    expect(onlyUnknownTimeout('')).toBe(false);
    const other = 'pg_restore: error: could not execute query: ERROR:  relation "a" already exists\n';
    expect(onlyUnknownTimeout(`${refusal}${other}pg_restore: warning: errors ignored on restore: 2`)).toBe(false);
  });
  test('is read however the messages of parallel workers stand in one another', () => {
    const refused = ['pg_restore:', ' ', 'error: ', refusal.slice('pg_restore: error: '.length)];
    const alien = ['pg_restore:', ' ', 'error: ', 'could not execute query: ERROR:  relation "a" already exists\n'];
    const end = 'pg_restore: warning: errors ignored on restore: 1\n';
    /** Takes the next piece of whichever worker a number names. */
    const woven = (workers: readonly (readonly string[])[], turns: readonly number[]): string => {
      const left = workers.map((pieces) => [...pieces]);
      let text = '';
      for (const turn of [...turns, ...left.flatMap((pieces, index) => pieces.map(() => index))])
        text += left[turn % left.length]!.shift() ?? '';
      return text;
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(3), { maxLength: 16 }), (count, turns) => {
        const workers = Array.from({ length: count }, () => refused);
        expect(onlyUnknownTimeout(woven(workers, turns) + end)).toBe(true);
        expect(onlyUnknownTimeout(woven([...workers, alien], turns) + end)).toBe(false);
      }),
    );
  });
});

test('the list of an archive is read with kinds of several words and schemas in capitals', () => {
  const list = [
    '; Archive created at 2026-11-21',
    '3777; 0 0 ENCODING - ENCODING ',
    '223; 1259 18122 TABLE TABLE DATA x postgres',
    ';\tdepends on: 9',
    '3461; 0 0 TABLE ATTACH app events_2023 postgres',
    ';\tdepends on: 244 243',
    '265; 1259 18629 SEQUENCE SET owned postgres',
    '3555; 2606 18562 FK CONSTRAINT app orders orders_customer keeper',
  ].join('\n');
  expect(parseArchiveList(list).map(({ kind, rest, dependsOn }) => ({ kind, rest, dependsOn }))).toEqual([
    { kind: 'ENCODING', rest: '- ENCODING ', dependsOn: [] },
    { kind: 'TABLE', rest: 'TABLE DATA x postgres', dependsOn: [9] },
    { kind: 'TABLE ATTACH', rest: 'app events_2023 postgres', dependsOn: [244, 243] },
    { kind: 'SEQUENCE', rest: 'SET owned postgres', dependsOn: [] },
    { kind: 'FK CONSTRAINT', rest: 'app orders orders_customer keeper', dependsOn: [] },
  ]);
});
