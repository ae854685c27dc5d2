import { createDatabaseSql } from '../../../src/postgres/create-database';
import { hbaConf, initdbArguments, postgresqlConf } from '../../../src/postgres/scratch-settings';

const settings = { socketDir: "/tmp/it's", port: 5432, jobs: 2, memoryBytes: 8 * 2 ** 30, major: 15, extra: [] };

describe('the settings of a scratch cluster', () => {
  it('has no network, no foreign library and no command', () => {
    const conf = postgresqlConf(settings);
    for (const line of [
      `listen_addresses = ''`,
      `shared_preload_libraries = ''`,
      `archive_mode = off`,
      `restore_command = ''`,
      `max_wal_senders = 0`,
      `unix_socket_directories = '/tmp/it''s'`,
    ])
      expect(conf.split('\n')).toContain(line);
  });

  it('stays small on a small machine and bounded on a large one', () => {
    const memory = (bytes: number) =>
      /maintenance_work_mem = (\d+)MB/.exec(postgresqlConf({ ...settings, memoryBytes: bytes }))![1];
    expect(memory(2 ** 29)).toBe('32');
    expect(memory(2 ** 42)).toBe('1024');
  });

  it('names no setting and no option that an older server does not know', () => {
    expect(postgresqlConf({ ...settings, major: 13 })).not.toContain('idle_session_timeout');
    expect(initdbArguments('/d', 'u', 13)).not.toContain('--no-instructions');
    expect(initdbArguments('/d', 'u', 18)).toContain('--no-data-checksums');
  });

  it('lets in one user of the operating system under one name', () => {
    expect(hbaConf('ann', 'hf_1')).toEqual({
      hba: 'local all hf_1 peer map=holdfast\n',
      ident: 'holdfast "ann" hf_1\n',
    });
    expect(hbaConf(null, 'hf_1').hba).toBe('local all hf_1 trust\n');
  });
});

describe('the statement that makes an equal database', () => {
  const facts = { encoding: 'UTF8', collate: 'en_US.utf8', ctype: 'C', localeProvider: 'i', icuLocale: 'de-DE' };

  it('names the provider of the locale where the server has a choice', () => {
    expect(createDatabaseSql('a"b', facts, 15)).toBe(
      `CREATE DATABASE "a""b" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'en_US.utf8' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'`,
    );
    expect(createDatabaseSql('x', { ...facts, localeProvider: 'builtin', icuLocale: 'C.UTF-8' }, 17)).toContain(
      `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'`,
    );
  });

  it('does not name it to a server before 15, and gives the owner where one is asked for', () => {
    expect(createDatabaseSql('x', facts, 14, 'Ann')).toBe(
      `CREATE DATABASE "x" TEMPLATE template0 OWNER "Ann" ENCODING 'UTF8' LC_COLLATE 'en_US.utf8' LC_CTYPE 'C'`,
    );
  });
});
