import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseConfig } from '../../../src/config/load';

const ROOT = join(__dirname, '../../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly restart?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly (string | { readonly source: string })[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
  readonly entrypoint?: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
/** Services that do one thing and end. */
const oneShot = services.filter(([, service]) => service.restart?.startsWith('on-failure')).map(([name]) => name);

describe('docker-compose.yml', () => {
  it('brings Temporal on PostgreSQL with its Web UI, a catalogue, an S3 store and workers', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      ['catalog', 's3', 'temporal', 'temporal-db', 'temporal-namespace', 'temporal-schema', 'temporal-ui', 'worker'], // prettier-ignore
    );
    expect(oneShot.sort()).toEqual(['temporal-namespace', 'temporal-schema']);
  });

  it.each(services)('pins the image of %s to one version', (_name, { image, build }) => {
    if (build) return expect(image).toBe('holdfast:local');
    expect(image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?$/);
  });

  it.each(services.filter(([name]) => !oneShot.includes(name)))('asks %s for its health', (name, service) => {
    // The worker's check is the image's own.
    const check =
      name === 'worker' ? /^HEALTHCHECK /m.test(read('Dockerfile')) : service.healthcheck?.test[0] === 'CMD';
    expect(check).toBe(true);
    expect(service.restart).toBe('unless-stopped');
    expect(service.security_opt).toContain('no-new-privileges:true');
  });

  it.each(services)('starts %s only after what it needs is ready', (_name, service) => {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(compose.services[other]).toBeDefined();
      expect(condition).toBe(oneShot.includes(other) ? 'service_completed_successfully' : 'service_healthy');
    }
  });

  it('starts everything in an order that exists', () => {
    const done = new Set<string>();
    for (let left = services; left.length > 0;) {
      const ready = left.filter(([, service]) => Object.keys(service.depends_on ?? {}).every((name) => done.has(name)));
      expect(ready).not.toEqual([]);
      for (const [name] of ready) done.add(name);
      left = left.filter(([name]) => !done.has(name));
    }
  });

  it('binds every port to loopback, each once', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length);
  });

  it('declares every named volume, uses every declared one, and mounts only folders that are in the repository or made by setup', () => {
    const mounts = services.flatMap(([, service]) => service.volumes ?? []).map((volume) => volume.split(':')[0]!);
    const named = mounts.filter((source) => !source.startsWith('.'));
    expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
    for (const source of mounts.filter((mount) => mount.startsWith('.')))
      expect(source === './deploy/config' || existsSync(join(ROOT, source))).toBe(true);
  });

  it('keeps state on volumes: databases, objects and copies', () => {
    for (const name of ['temporal-db', 'catalog', 's3', 'worker'])
      expect(compose.services[name]!.volumes?.some((volume) => !volume.startsWith('.'))).toBe(true);
  });

  it('holds no password: secrets are files that setup makes and git ignores', () => {
    const used = services.flatMap(([, service]) => service.secrets ?? []).map((secret) => (typeof secret === 'string' ? secret : secret.source)); // prettier-ignore
    expect([...new Set(used)].sort()).toEqual(Object.keys(compose.secrets).sort());
    for (const { file } of Object.values(compose.secrets)) {
      expect(file).toMatch(/^\.\/deploy\/secrets\/\w+$/);
      expect(read('deploy/setup.sh')).toContain(`secret ${file.replace('./deploy/', '')} `);
    }
    expect(read('deploy/.gitignore').split('\n')).toEqual(expect.arrayContaining(['secrets/', 'config/']));
    for (const [, { environment = {} }] of services)
      for (const name of Object.keys(environment))
        if (/PASSW|PWD|SECRET|KEY/.test(name)) expect(name).toMatch(/_FILE$/);
  });

  it('explains every variable that it sets, and takes none from the surroundings', () => {
    const documented = read('deploy/README.md');
    for (const [, { environment = {} }] of services)
      for (const name of Object.keys(environment)) expect(documented).toContain(`\`${name}\``);
    // `$$` is a dollar sign for the container's shell; a single one would be filled in by compose.
    expect(text.replaceAll('$$', '')).not.toContain('$');
  });

  it('lets the worker write nowhere but on its volumes, with no capability, and gives it time to hand over', () => {
    expect(compose.services.worker).toMatchObject({ read_only: true, cap_drop: ['ALL'], stop_grace_period: '60s' });
  });
});

describe('Dockerfile', () => {
  const lines = read('Dockerfile')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const instructions = (name: string) => lines.filter((line) => line.startsWith(`${name} `));

  it('builds in one stage and runs in another, of pinned images that have the Node of the project', () => {
    const images = instructions('FROM').map((line) => line.split(' ')[1]!);
    expect(images).toHaveLength(2);
    const major = /\d+/.exec((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node)![0];
    for (const image of images) expect(image).toMatch(new RegExp(`^node:${major}\\.\\d+\\.\\d+-bookworm-slim$`));
  });

  it('runs as a user that is not root, by number and name of the image, under an init process', () => {
    const user = instructions('USER').at(-1)!;
    expect(user).toBe('USER holdfast');
    expect(lines.join('\n')).toMatch(/useradd .*--uid 10001 /);
    expect(lines.lastIndexOf(user)).toBeLessThan(lines.findIndex((line) => line.startsWith('ENTRYPOINT')));
    expect(instructions('ENTRYPOINT')).toEqual(['ENTRYPOINT ["tini", "--", "holdfast"]']);
  });

  it('has PostgreSQL’s tools, tini, age and zstd, and asks the worker for its health', () => {
    const installed = instructions('RUN').join('\n');
    for (const name of ['"postgresql-${POSTGRES_MAJOR}"', 'tini', 'age', 'zstd']) expect(installed).toContain(name);
    expect(instructions('HEALTHCHECK')[0]).toContain('http://127.0.0.1:9464/healthz');
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const let_through = read('.dockerignore').split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1)); // prettier-ignore
    for (const line of instructions('COPY').filter((copy) => !copy.includes('--from='))) {
      for (const source of line.split(/\s+/).slice(1, -1)) {
        expect(let_through.some((path) => source === path || source.startsWith(`${path}/`) || source.startsWith(`./${path}`))).toBe(true); // prettier-ignore
        if (source !== 'src/repository/FORMAT.md' && source !== 'schema')
          expect(existsSync(join(ROOT, source))).toBe(true);
      }
    }
    expect(let_through).not.toContain('deploy');
  });
});

describe('the configuration of the deployment', () => {
  it('is valid, and fits the compose file', () => {
    const result = parseConfig(read('deploy/holdfast.example.yaml'), '/etc/holdfast/holdfast.yaml');
    if (!result.ok) throw new Error(JSON.stringify(result.faults));
    const { config } = result;
    expect(config.temporal).toMatchObject({
      address: 'temporal:7233',
      namespace: 'holdfast',
      webUi: 'http://127.0.0.1:8233',
    });
    expect(compose.services['temporal-namespace']!.environment!.NAMESPACE).toBe(config.temporal.namespace);
    expect(config.worker.metrics).toBe('0.0.0.0:9464');
    const volumes = compose.services.worker!.volumes!;
    for (const store of config.stores)
      if (store.adapter === 'filesystem') expect(volumes).toContain(`backups:${store.path}`);
    expect(volumes).toContain(`scratch:${config.scratch.dir}`);
    const s3 = config.stores.find((store) => store.adapter === 's3')!;
    expect(s3).toMatchObject({ endpoint: 'http://s3:9000', bucket: 'holdfast' });
    expect(compose.services.s3!.entrypoint!.join(' ')).toContain('/data/objects/holdfast');
  });

  it('has scripts that can be run', () => {
    expect(statSync(join(ROOT, 'deploy/setup.sh')).mode & 0o111).not.toBe(0);
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).not.toBe(0);
  });
});
