import { comparedEntry, LargeObjectDigest, parseArchiveData } from '../../../src/verify/archive-facts';

describe('what an archive says should be there', () => {
  it.each([
    ['215; 1259 16386 TABLE public customers ann', 'TABLE public customers ann'],
    ['3371; 0 0 ACL - SCHEMA public pg_database_owner', 'ACL - SCHEMA public pg_database_owner'],
    [
      '12; 2606 16390 FK CONSTRAINT public orders orders_customer_fkey ann',
      'FK CONSTRAINT public orders orders_customer_fkey ann',
    ],
    ['7; 1259 1 SEQUENCE OWNED BY public s ann', 'SEQUENCE OWNED BY public s ann'],
  ])('compares %s', (line, entry) => expect(comparedEntry(line)).toBe(entry));

  it.each([
    '; Archive created at 2026-11-21',
    '',
    '3360; 0 16386 TABLE DATA public customers ann',
    '3372; 0 0 SEQUENCE SET public s ann',
    '3361; 0 5 MATERIALIZED VIEW DATA public m ann',
    '3375; 2613 16400 BLOB - 16400 ann',
    '3376; 0 0 ACL - LARGE OBJECT 16400 ann',
    '3376; 0 0 COMMENT - LARGE OBJECT 16400 ann',
  ])('leaves out %p', (line) => expect(comparedEntry(line)).toBeNull());

  it('reads sequences and large objects from the text of the data section', async () => {
    const facts = await parseArchiveData([
      `SELECT pg_catalog.setval('public.orders_id_seq', 41, true);`,
      `SELECT pg_catalog.setval('"It''s"."A b"', -3, false);`,
      `SELECT pg_catalog.lo_open('16400', 131072);`,
      `SELECT pg_catalog.lowrite(0, '\\x0001');`,
      `SELECT pg_catalog.lowrite(0, '\\x02');`,
      `SELECT pg_catalog.lo_close(0);`,
      `SELECT pg_catalog.lo_open('16401', 131072);`,
      `SELECT pg_catalog.lo_close(0);`,
    ]);
    const same = new LargeObjectDigest();
    same.open('16401');
    same.open('16400');
    same.write(Buffer.from([0, 1, 2]));
    expect(facts.sequences).toEqual([
      { name: 'public.orders_id_seq', lastValue: '41', isCalled: true },
      { name: `"It's"."A b"`, lastValue: '-3', isCalled: false },
    ]);
    expect(facts.largeObjects).toMatchObject({ count: 2, bytes: 3 });
  });

  it('gives the same digest in any order and another one for other content', () => {
    const digest = (objects: [string, string][]) => {
      const made = new LargeObjectDigest();
      for (const [oid, text] of objects) {
        made.open(oid);
        made.write(Buffer.from(text));
        made.close();
      }
      return made.facts().digest;
    };
    expect(digest([['1', 'a'], ['2', 'b']])).toBe(digest([['2', 'b'], ['1', 'a']])); // prettier-ignore
    expect(digest([['1', 'a'], ['2', 'b']])).not.toBe(digest([['1', 'b'], ['2', 'a']])); // prettier-ignore
  });
});
