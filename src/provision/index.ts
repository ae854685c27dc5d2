export { cacheDir, type ProvisionOptions, type Say } from './context';
export { ensureTool, findTool, type FoundTool } from './ensure-tool';
export { ensureAnyPostgres, ensurePostgres } from './ensure-postgres';
export { findPgbench, type FoundPgbench } from './find-pgbench';
export { findPostgres, type PostgresInstallation } from './postgres-installations';
export {
  endEmbeddedPostgres,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres';
export { startEmbeddedTemporal, type EmbeddedTemporal, type EmbeddedTemporalOptions } from './embedded-temporal';
export { startEmbeddedS3, type EmbeddedS3, type EmbeddedS3Options } from './embedded-s3';
export { startEmbeddedGcs, type EmbeddedGcs, type EmbeddedGcsOptions } from './embedded-gcs';
export { removeClusterFolder } from './cluster-folder';
export { freePort, freePorts } from './ports';
export { identityOf, isSameProcess, type ProcessIdentity } from './process-identity';
export { startProcess, stopLeftover, Supervisor, type ManagedProcess, type ProcessSpec } from './supervisor';
export type { ToolName } from './tools';
