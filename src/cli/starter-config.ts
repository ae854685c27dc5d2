export interface StarterOptions {
  /** Name of the first database. */
  readonly database: string;
  /** IANA name of the zone of all times of day. @default that of this machine */
  readonly timeZone?: string;
}

/** The commented file that `holdfast init` writes: valid as it stands, with one database and one folder. */
export function starterConfig({ database, timeZone = ownTimeZone() }: StarterOptions): string {
  const variable = database.toUpperCase().replaceAll('-', '_');
  return `# yaml-language-server: $schema=./holdfast.schema.json
# What Holdfast backs up, where to, and how it is proved. Check it with: holdfast config check
# Durations: 90s, 15m, 6h, 7d. Sizes: 16MiB, 20MB. Secrets are references, never values: env:NAME or file:PATH.
version: 1

databases:
  - name: ${database}
    # postgresql://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full
    # The role needs to read every table: GRANT pg_read_all_data TO backup_role (docs/security.md).
    connection:
      url: env:${variable}_URL
    # Parallel readers. More is faster and loads the source more.
    readers: 2
    # How long a pause may hold the snapshot before the dump is given up and started again later.
    pauseBudget: 10m
    schedules:
      - name: hourly
        type: incremental
        every: hourly
        at: '00:05'
      - name: weekly-full
        type: full
        every: weekly
        dayOfWeek: sunday
        at: '02:00'
        # What happens when a run is under way: skip, wait or cancel.
        overlap: wait
    retention:
      last: 24
      daily: 7
      weekly: 4
      monthly: 6
    verification:
      # stored < intact < restored < exact; exact restores the backup and compares every row.
      grade: exact
      stores: one
      assertions: []
      # - name: there are customers
      #   sql: SELECT count(*) > 0 FROM customers
      #   expect: true

stores:
  - name: disk
    adapter: filesystem
    role: primary
    path: ./holdfast-backups
  # A second place, in another account or building:
  # - name: s3
  #   adapter: s3
  #   role: offsite
  #   bucket: my-backups
  #   region: eu-central-1
  #   # endpoint: https://s3.example.com   # any S3-compatible store; many want pathStyle: true
  #   accessKeyId: env:S3_ACCESS_KEY_ID
  #   secretAccessKey: env:S3_SECRET_ACCESS_KEY
  # - name: gcs
  #   adapter: gcs
  #   role: offsite
  #   bucket: my-backups
  #   credentials: file:./gcs-key.json   # of a service account; leave out for the default credentials

# Its users shall not notice a backup: load is sampled, and a backup slows down, pauses and goes on by itself (docs/load.md).
load:
  timezone: ${timeZone}
  # Stricter limits while people work: CPU below 30 %. Never in these hours: windows: [{ from: '22:00', to: '06:00' }]
  peak:
    windows: [{ from: '06:00', to: '22:00' }]
  # maxRate: 50MB/s
  # samplers:
  #   http: [{ name: shop, url: https://shop.example.com/health }]

# Made by: holdfast keys init
keys:
  repository: ./holdfast-keys
  idKey: file:./holdfast-keys/id.key
  signingKey: file:./holdfast-keys/signing.key
  # Leave identities out on machines that only back up: a stolen worker then reads no old backup.
  identities:
    - file:./holdfast-keys/identity.txt

# The index of all backups. \`holdfast up\` brings its own and needs neither this nor the next part to be right.
catalog:
  connection:
    url: env:HOLDFAST_CATALOG_URL

# \`holdfast up\` starts a Temporal server of its own. For another one, or Temporal Cloud (docs/deployment.md):
temporal:
  address: 127.0.0.1:7233
  namespace: default
  # apiKey: env:TEMPORAL_API_KEY
  # tls: true
`;
}

/** A machine without one says Etc/Unknown or nothing. */
function ownTimeZone(): string {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return timeZone && timeZone !== 'Etc/Unknown' ? timeZone : 'UTC';
}
