import { resolve } from 'node:path';
import fc from 'fast-check';
import { placeOf } from '../../../../src/cli/recovery/extract';
import { parseStoreUrl } from '../../../../src/cli/recovery/open-store';

describe('the address of a store', () => {
  it.each(['file:///srv/backups', '/srv/backups'])('takes a folder: %s', (text) =>
    expect(parseStoreUrl(text)).toMatchObject({ adapter: 'filesystem', path: '/srv/backups' }),
  );

  it('takes a bucket with prefix, endpoint and region', () => {
    expect(
      parseStoreUrl('s3://backups/prod/main?endpoint=https://s3.example.org&region=eu-1&pathStyle=true'),
    ).toMatchObject({
      adapter: 's3',
      bucket: 'backups',
      prefix: 'prod/main',
      endpoint: 'https://s3.example.org',
      region: 'eu-1',
      pathStyle: true,
    });
    expect(parseStoreUrl('s3://backups')).toMatchObject({ bucket: 'backups', prefix: '', pathStyle: false });
  });

  it('takes a bucket of Google Cloud Storage', () => {
    expect(parseStoreUrl('gs://my-backups/prod/main?credentials=file:key.json')).toMatchObject({
      adapter: 'gcs',
      bucket: 'my-backups',
      prefix: 'prod/main',
      credentials: 'file:key.json',
      anonymous: false,
    });
    expect(parseStoreUrl('gs://my-backups?endpoint=http://127.0.0.1:4443&anonymous=true')).toMatchObject({
      endpoint: 'http://127.0.0.1:4443',
      anonymous: true,
    });
  });

  it.each([
    'gs://my-backups?credentials={"type":"service_account"}',
    'gs://my-backups?accessKeyId=env:KEY',
    'gs://',
    'ftp://host/folder',
    'backups',
    's3://key:secret@bucket/prefix',
    's3://bucket?accessKeyId=AKIALITERAL',
    's3://bucket?colour=red',
    'file://host/folder',
  ])('refuses %s', (text) => {
    expect(() => parseStoreUrl(text)).toThrow(expect.objectContaining({ code: 'RECOVER_STORE_URL' }));
  });
});

describe('the place of an extracted file', () => {
  it('is inside the folder', () =>
    expect(placeOf('/out', 'data/16384/0000000000.copy')).toBe('/out/data/16384/0000000000.copy'));

  it.each(['../x', '/etc/passwd', 'a/../../x', 'a//b', '.', '', 'a/./b', 'summary.json', 'ü', 'a\\..\\b', 'a\0b'])(
    'is refused for %p',
    (path) => expect(() => placeOf('/out', path)).toThrow(expect.objectContaining({ code: 'EXTRACT_PATH_REFUSED' })),
  );

  it('never leaves the folder, whatever the path', () => {
    fc.assert(
      fc.property(fc.string(), (path) => {
        let place: string;
        try {
          place = placeOf(resolve('/out/here'), path);
        } catch {
          return;
        }
        expect(place.startsWith('/out/here/')).toBe(true);
      }),
    );
  });
});
