import fc from 'fast-check';
import {
  backupOfKey,
  isFilePath,
  manifestKey,
  objectOfKey,
  proofKey,
  segmentKey,
} from '../../../src/repository/layout';
import { planText, quoteForPlan } from '../../../src/repository/plan-text';
import { listBackups, listDatabases } from '../../../src/repository/reader';
import { createMemoryStore } from '../../support/memory-store';
import { BACKUP_ID, noise, summaryFor } from '../../support/repository';

const OBJECT = 'ab'.repeat(32);

it('keys are taken apart as they were put together', () => {
  expect(segmentKey('orders', OBJECT)).toBe(`orders/segments/ab/${OBJECT}`);
  expect(objectOfKey('orders', segmentKey('orders', OBJECT))).toBe(OBJECT);
  expect(objectOfKey('orders', segmentKey('users', OBJECT))).toBeNull();
  expect(objectOfKey('orders', `orders/segments/cd/${OBJECT}`)).toBeNull();
  expect(backupOfKey('orders', manifestKey('orders', BACKUP_ID))).toBe(BACKUP_ID);
  expect(proofKey('orders', BACKUP_ID, 'offsite')).toBe(`orders/proofs/${BACKUP_ID}/offsite`);
});

it('keys are never made of anything unsafe', () => {
  for (const database of ['', '..', 'A', 'a/b', 'a b']) expect(() => segmentKey(database, OBJECT)).toThrow(/database/);
  for (const object of ['', '../x', OBJECT.toUpperCase()]) expect(() => segmentKey('orders', object)).toThrow(/object/);
  for (const id of ['', '../../x', 'latest']) expect(() => manifestKey('orders', id)).toThrow(/backup/);
});

it('a path that is accepted stays inside its folder', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/', '-', '\\', '\0', ' ', '=') }), (path) => {
      if (!isFilePath(path)) return;
      expect(path).toMatch(/^[^/]/);
      expect(new URL(path, 'file:///safe/').pathname).toBe(`/safe/${path}`);
    }),
    { numRuns: 2000 },
  );
});

it('databases and backups are found by their manifests, without a look at each segment', async () => {
  const store = createMemoryStore('a');
  const add = (key: string) => store.objects.set(key, { body: noise(1), modifiedAt: new Date() });
  add('holdfast.json');
  for (const name of ['orders', 'orders-2', 'a', 'no-backup-yet']) {
    for (let n = 0; n < 5; n++) add(segmentKey(name, n.toString(16).repeat(64)));
    if (name !== 'no-backup-yet') add(manifestKey(name, BACKUP_ID));
  }
  add('zz/unrelated');
  expect(await listDatabases(store)).toEqual(['a', 'orders', 'orders-2']);
  expect((await listBackups(store)).map((backup) => backup.database)).toEqual(['a', 'orders', 'orders-2']);
  expect(await listBackups(store, 'no-backup-yet')).toEqual([]);
});

describe('the recovery plan', () => {
  it('keeps every name on one line, in its own field', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\t', '\n', 'ü', '😀', "'"), minLength: 1 });
    fc.assert(
      fc.property(name, fc.constantFrom('UTF8', 'LATIN1', 'SQL_ASCII'), (text, encoding) => {
        const quoted = quoteForPlan(text, encoding);
        expect(quoted).toMatch(/^(U&)?"[^\t\n]*"$/);
        if (encoding === 'LATIN1') expect(quoted).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  it('says what a shell needs, and ends with a line that shows it is whole', () => {
    const content = { 'schema.dump': noise(10), 'data/1': noise(20) };
    const files = [
      { path: 'schema.dump', bytes: 10, segments: [0] },
      { path: 'data/1', bytes: 20, segments: [] },
    ];
    expect(planText({ backupId: BACKUP_ID, summary: summaryFor(content), files }).split('\n')).toEqual([
      'holdfast-plan\t1',
      `backup\t${BACKUP_ID}`,
      'server\t150018',
      'database\t"orders"\tUTF8',
      'file\tschema.dump\t10\t0',
      'file\tdata/1\t20\t-',
      'rows\t1\tdata/1\t"public"."t0"\t("id", "note")',
      'end',
      '',
    ]);
  });
});
