import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract, extractFiles } from '../../../src/cli/recovery/extract';
import { listCopies } from '../../../src/cli/recovery/open-copy';
import { openStoreUrl } from '../../../src/cli/recovery/open-store';
import { recover } from '../../../src/cli/recovery/recover';
import { initKeys } from '../../../src/repository/keys';
import { pgDumpText } from '../../support/logical';
import { startPostgres, type TestPostgres } from '../../support/postgres';
import { proofWorld, SHOP_SQL, type ProofWorld } from '../../support/proof';
import { startS3Server } from '../../support/s3-server';
import { BACKUP_ID } from '../../support/repository';

jest.setTimeout(120_000);

let server: TestPostgres;
let world: ProofWorld;
let outside: string;
beforeAll(async () => {
  server = await startPostgres();
  world = await proofWorld();
  outside = await mkdtemp(join(tmpdir(), 'hf-out-'));
  const shop = await server.createDatabase('shop');
  await server.sql(SHOP_SQL, 'shop');
  await world.backUp(shop);
  await server.sql(`UPDATE customers SET note = 'newer' WHERE id = 1`, 'shop');
  await world.backUp(shop, { backupId: '20261122T000000Z-full-00000002' });
});
afterAll(async () => {
  await server?.stop();
  await world?.remove();
  await rm(outside, { recursive: true, force: true });
});

const request = () => ({
  storeUrl: `file://${world.storeDir}`,
  identityPath: join(world.keyDir, 'identity.txt'),
  backup: 'latest',
  secrets: () => '',
  signal: new AbortController().signal,
});
const noteOf = async (database: string) =>
  (await server.sql('SELECT note FROM customers WHERE id = 1', database)).rows[0].note as string;

/** PostgreSQL prints an IN list over varchar in another way once it was restored; all else must be the same text. */
const definitions = (database: string) =>
  pgDumpText(server.binDir, server.target(database))
    .split('\n')
    .filter((line) => !line.includes('CONSTRAINT "Order Lines_in_check" CHECK'))
    .join('\n');

describe('recover', () => {
  it('makes an equal database from one store and one identity file', async () => {
    const report = await recover({ ...request(), to: server.target('recovered') });
    expect(report).toMatchObject({
      database: 'shop',
      backupId: '20261122T000000Z-full-00000002',
      databaseName: 'recovered',
      rows: 7000,
    });
    expect(report.tables).toContainEqual({ schema: 'public', name: 'customers', rows: 3000, expected: 3000 });
    expect(definitions('recovered')).toBe(definitions('shop'));
    expect(await noteOf('recovered')).toBe('newer');
  });

  it('takes an older backup by its id or the start of it, and the offline identity', async () => {
    const offline = join(world.keyDir, 'offline-identity.txt');
    const at = { ...request(), identityPath: offline, backup: '20261121T0925', database: 'shop' };
    expect(await recover({ ...at, to: server.target('older') })).toMatchObject({ backupId: BACKUP_ID });
    expect(await noteOf('older')).not.toBe('newer');
    await expect(recover({ ...at, backup: '2026', to: server.target('x') })).rejects.toMatchObject({
      code: 'RECOVER_AMBIGUOUS',
    });
  });

  it('does the same from a bucket, with credentials by reference', async () => {
    const s3 = await startS3Server();
    const secrets = (ref: string) => (ref === 'env:KEY' ? s3.accessKeyId : s3.secretAccessKey);
    const query = `endpoint=${s3.endpoint}&region=${s3.region}&accessKeyId=env:KEY&secretAccessKey=env:SECRET`;
    const storeUrl = `s3://recovery/some/prefix?${query}`;
    const bucket = openStoreUrl(storeUrl, secrets);
    try {
      await mkdir(join(s3.folder, 'recovery'));
      for await (const { key } of world.store.list('')) await bucket.put(key, await world.store.get(key));
      const report = await recover({ ...request(), storeUrl, secrets, to: server.target('from_bucket') });
      expect(report).toMatchObject({ rows: 7000, backupId: '20261122T000000Z-full-00000002' });
      expect(await noteOf('from_bucket')).toBe('newer');
    } finally {
      await bucket.close();
      await s3.stop();
    }
  });

  it('lists what the store holds without a key', async () => {
    const found = await listCopies({ ...request(), database: undefined });
    expect(found.map(({ database, backupId }) => [database, backupId])).toEqual([
      ['shop', BACKUP_ID],
      ['shop', '20261122T000000Z-full-00000002'],
    ]);
  });

  it('refuses what cannot work with one clear error, before it touches the target', async () => {
    const to = server.target('never');
    const foreign = join(outside, 'keys');
    await initKeys(foreign);
    const plain = join(outside, 'plain.txt');
    const identity = await readFile(request().identityPath, 'utf8');
    await writeFile(
      plain,
      identity
        .split('\n')
        .filter((line) => !line.startsWith('#'))
        .join('\n'),
    );
    await mkdir(join(outside, 'nothing'));
    const cases: [Partial<ReturnType<typeof request>> & { database?: string }, RegExp][] = [
      [{ backup: '20250101T000000Z-full-00000000' }, /RECOVER_NOTHING_FOUND|REPO_MANIFEST_MISSING/],
      [{ backup: '20250101T000000Z-full-00000000', database: 'shop' }, /REPO_MANIFEST_MISSING/],
      [{ database: 'elsewhere' }, /RECOVER_NOTHING_FOUND/],
      [{ identityPath: join(outside, 'absent') }, /RECOVER_IDENTITY_FILE/],
      [{ identityPath: join(foreign, 'identity.txt') }, /REPO_FOREIGN/],
      [{ identityPath: plain }, /REPO_KEYS_INVALID/],
      [{ storeUrl: `file://${outside}/nothing` }, /REPO_NOT_INITIALISED/],
      [{ storeUrl: 'gopher://x' }, /RECOVER_STORE_URL/],
    ];
    for (const [over, code] of cases)
      await expect(recover({ ...request(), ...over, to })).rejects.toMatchObject({ code: expect.stringMatching(code) });
    await expect(recover({ ...request(), to: server.target('shop') })).rejects.toMatchObject({
      code: 'PG_TARGET_NOT_EMPTY',
    });
    await expect(recover({ ...request(), to: { ...server.target('x'), port: 1 } })).rejects.toMatchObject({
      code: 'PG_UNREACHABLE',
    });
    expect((await server.sql(`SELECT 1 FROM pg_database WHERE datname = 'never'`)).rowCount).toBe(0);
  });
});

describe('extract', () => {
  it('writes files that pg_restore and psql take, readable by nobody else', async () => {
    const outDir = join(outside, 'files');
    const report = await extract({ ...request(), outDir });
    expect(report).toMatchObject({ database: 'shop', outDir });
    const schema = join(outDir, 'schema.dump');
    expect(execFileSync(join(server.binDir, 'pg_restore'), ['-l', schema], { encoding: 'utf8' })).toContain(
      'customers',
    );
    expect((await stat(schema)).mode & 0o777).toBe(0o600);
    expect((await stat(outDir)).mode & 0o777).toBe(0o700);
    const summary = JSON.parse(await readFile(join(outDir, 'summary.json'), 'utf8'));
    const table = summary.tables.find((known: { name: string }) => known.name === 'customers');
    const rows = Buffer.concat(await Promise.all(table.files.map((file: string) => readFile(join(outDir, file)))));
    expect(rows.toString().split('\n')).toHaveLength(3001);
  });

  it('refuses a folder with something in it', async () => {
    const outDir = join(outside, 'full');
    await mkdir(outDir);
    await writeFile(join(outDir, 'mine'), 'x');
    await expect(extract({ ...request(), outDir })).rejects.toMatchObject({ code: 'EXTRACT_DIR_NOT_EMPTY' });
    expect(await readdir(outDir)).toEqual(['mine']);
  });

  it('writes nothing when one path would leave the folder', async () => {
    const reader = await world.open();
    const outDir = join(outside, 'hostile');
    const [first] = reader.manifest.body.files;
    for (const path of ['../escaped', '/tmp/escaped', 'a/../../escaped']) {
      const body = { ...reader.manifest.body, files: [first!, { ...first!, path }] };
      const hostile = { ...reader, manifest: { ...reader.manifest, body } };
      await expect(extractFiles(hostile, { outDir, signal: new AbortController().signal })).rejects.toMatchObject({
        code: 'EXTRACT_PATH_REFUSED',
      });
    }
    await expect(stat(outDir)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(join(outside, 'escaped'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not follow a link that appears on its way, and takes its files back when it fails', async () => {
    const reader = await world.open();
    const outDir = join(outside, 'raced');
    const failing = {
      manifest: reader.manifest,
      async *readFile(path: string) {
        yield Buffer.from('x');
        if (path.startsWith('data/')) throw new Error('cut off');
        for (const file of reader.manifest.body.files)
          if (!file.path.includes('/') && file.path !== path)
            await symlink(join(outside, 'victim'), join(outDir, file.path)).catch(() => undefined);
      },
    };
    await expect(extractFiles(failing, { outDir, signal: new AbortController().signal })).rejects.toThrow();
    await expect(stat(outDir)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(join(outside, 'victim'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
