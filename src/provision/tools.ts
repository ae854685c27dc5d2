/** The servers that are one program file, and where each is had. Versions are pinned: a new one is a change to this table. */

export type ToolName = 'temporal' | 'versitygw' | 'fakeGcs' | 'toxiproxy' | 'minio';

export interface ToolDefinition {
  /** File name on PATH and in the cache. */
  readonly file: string;
  /** What it is for, shown when it has to be installed. */
  readonly purpose: string;
  /** Environment variable that names the file. */
  readonly setting: string;
  readonly version: string;
  /** Package path for `go install`, with its version. */
  readonly goPackage: string;
  /** About how long a Go build takes on two cores, for the person who waits. */
  readonly buildTime: string;
  /** What the vendor publishes, when it lists SHA-256 sums; null where it does not. */
  readonly release: ((platform: Platform) => Release) | null;
}

export interface Platform {
  readonly os: 'linux' | 'darwin';
  readonly arch: 'amd64' | 'arm64';
}

export interface Release {
  readonly base: string;
  readonly asset: string;
  readonly checksums: string;
  /** `tar.gz` holds the program somewhere inside; `binary` is the program. */
  readonly packing: 'tar.gz' | 'binary';
}

const title = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export const TOOLS: Readonly<Record<ToolName, ToolDefinition>> = {
  temporal: {
    file: 'temporal',
    purpose: 'the Temporal server with its Web UI',
    setting: 'HOLDFAST_TEMPORAL_BIN',
    version: '1.5.1',
    goPackage: 'github.com/temporalio/cli/cmd/temporal@v1.5.1',
    buildTime: '5 minutes',
    release: ({ os, arch }) => ({
      base: 'https://github.com/temporalio/cli/releases/download/v1.5.1',
      asset: `temporal_cli_1.5.1_${os}_${arch}.tar.gz`,
      checksums: 'checksums.txt',
      packing: 'tar.gz',
    }),
  },
  versitygw: {
    file: 'versitygw',
    purpose: 'an S3 server on a folder',
    setting: 'HOLDFAST_VERSITYGW_BIN',
    version: '1.8.0',
    goPackage: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
    buildTime: '2 minutes',
    release: ({ os, arch }) => ({
      base: 'https://github.com/versity/versitygw/releases/download/v1.8.0',
      asset: `versitygw_v1.8.0_${title(os)}_${arch === 'amd64' ? 'x86_64' : arch}.tar.gz`,
      checksums: 'checksums.txt',
      packing: 'tar.gz',
    }),
  },
  fakeGcs: {
    file: 'fake-gcs-server',
    purpose: 'a server that speaks Google Cloud Storage on a folder',
    setting: 'HOLDFAST_FAKE_GCS_BIN',
    version: '1.56.1',
    goPackage: 'github.com/fsouza/fake-gcs-server@v1.56.1',
    buildTime: '1 minute',
    release: ({ os, arch }) => ({
      base: 'https://github.com/fsouza/fake-gcs-server/releases/download/v1.56.1',
      asset: `fake-gcs-server_1.56.1_${title(os)}_${arch}.tar.gz`,
      checksums: 'checksums.txt',
      packing: 'tar.gz',
    }),
  },
  toxiproxy: {
    file: 'toxiproxy-server',
    purpose: 'network faults for the tests',
    setting: 'HOLDFAST_TOXIPROXY_BIN',
    version: '2.5.0',
    goPackage: 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0',
    buildTime: '10 seconds',
    release: ({ os, arch }) => ({
      base: 'https://github.com/Shopify/toxiproxy/releases/download/v2.5.0',
      asset: `toxiproxy-server-${os}-${arch}`,
      checksums: 'checksums.txt',
      packing: 'binary',
    }),
  },
  minio: {
    file: 'minio',
    purpose: 'a second S3 server for the tests',
    setting: 'HOLDFAST_MINIO_BIN',
    version: '2026-02-12',
    goPackage: 'github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c',
    buildTime: '4 minutes',
    release: null,
  },
};

/** The platform as Go names it; null where none of the tools is published. */
export function currentPlatform(): Platform | null {
  const os = process.platform === 'linux' || process.platform === 'darwin' ? process.platform : null;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch === 'arm64' ? 'arm64' : null;
  return os && arch ? { os, arch } : null;
}
