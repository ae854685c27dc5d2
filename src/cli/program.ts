import type { Command } from 'commander';
import { GuardedCommand, type Cli } from './command';
import { accessList } from './commands/access/list';
import { accessToken } from './commands/access/token';
import { apply } from './commands/apply';
import { backupDelete } from './commands/backup/delete';
import { backupHold, backupRelease } from './commands/backup/hold';
import { backupList } from './commands/backup/list';
import { backupRun } from './commands/backup/run';
import { backupShow } from './commands/backup/show';
import { backupCancel, backupPace, backupPause, backupResume } from './commands/backup/steer';
import { catalogAudit } from './commands/catalog/catalog';
import { catalogRebuild } from './commands/catalog/rebuild';
import { completion } from './commands/completion';
import { configCheck, configExample, configSchemaCommand } from './commands/config/config';
import { doctor } from './commands/doctor/doctor';
import { init } from './commands/init';
import { emergencyResume, emergencyStop } from './commands/load/emergency';
import { loadBaseline } from './commands/load/baseline';
import { loadCapacity } from './commands/load/capacity';
import { loadImpact } from './commands/load/impact';
import { loadRecommend } from './commands/load/recommend';
import { queueCommand } from './commands/load/queue';
import { loadShow } from './commands/load/show';
import { keysAddRecipient, keysInit, keysList } from './commands/keys/keys';
import { keysKit } from './commands/keys/kit';
import { migrateCommand } from './commands/migrate';
import { recoverCommands } from './commands/recover';
import { reportCompliance } from './commands/report/compliance';
import { restore } from './commands/restore';
import { retentionApply, retentionPlan } from './commands/retention/retention';
import {
  scheduleBackfill,
  scheduleList,
  schedulePause,
  scheduleResume,
  scheduleTrigger,
} from './commands/schedule/schedule';
import { storeCost } from './commands/store/cost';
import { storeActivate, storeAdd, storeDrain } from './commands/store/life';
import { storeRetire } from './commands/store/retire';
import { storeDiff } from './commands/store/diff';
import { storeHistory, storeStatus } from './commands/store/health';
import { storeCheck, storeList } from './commands/store/store';
import { storeUsage } from './commands/store/usage';
import { up } from './commands/up';
import { verify } from './commands/verify';
import { verifyStatus } from './commands/verify/status';
import { worker } from './commands/worker';
import { packageVersion } from './version';

/** The whole command line: every command and option, declared once; help, completion and docs/cli.md come from it. */
export function buildProgram(cli: Cli): Command {
  const program = new GuardedCommand('holdfast')
    .description('Durable PostgreSQL backups on Temporal: encrypted, replicated, proved by restore.')
    .version(packageVersion(), '-V, --version')
    .option('-c, --config <file>', 'configuration (./holdfast.yaml, then $HOLDFAST_CONFIG)')
    .option('--json', 'one JSON document on standard output, progress as newline-JSON on standard error')
    .option('-q, --quiet', 'the answer alone: no progress, no remarks')
    .option('--no-color', 'no colours (NO_COLOR is honoured too)')
    .option('-v, --verbose', 'show the causes of an error')
    .option('-y, --yes', 'answer yes to questions; never stands in for a typed confirmation')
    .showSuggestionAfterError()
    // Usage errors are printed like all others, by run.ts.
    .configureOutput({ outputError: () => undefined })
    .exitOverride();

  const group = (name: string, description: string) => program.command(name).description(description);

  init(program, cli);
  up(program, cli);
  worker(program, cli);
  doctor(program, cli);

  const backup = group('backup', 'make, look at and steer backups');
  for (const verb of [backupRun, backupList, backupShow, backupPause, backupResume, backupPace, backupCancel]) {
    verb(backup, cli);
  }
  for (const verb of [backupHold, backupRelease, backupDelete]) verb(backup, cli);
  verifyStatus(verify(program, cli), cli);
  restore(program, cli);
  recoverCommands(program, cli);

  const retention = group('retention', 'what is kept and why');
  for (const verb of [retentionPlan, retentionApply]) verb(retention, cli);

  apply(program, cli);
  const schedule = group('schedule', 'look at and steer the schedules');
  for (const verb of [scheduleList, schedulePause, scheduleResume, scheduleTrigger, scheduleBackfill]) {
    verb(schedule, cli);
  }

  const store = group('store', 'the places that hold copies');
  for (const verb of [storeAdd, storeDrain, storeActivate, storeRetire]) verb(store, cli);
  for (const verb of [storeStatus, storeHistory]) verb(store, cli);
  for (const verb of [storeList, storeCheck, storeDiff, storeUsage, storeCost]) verb(store, cli);
  const load = group('load', 'how loaded the databases are, and what backups cost them');
  for (const verb of [loadShow, loadBaseline, loadImpact, loadRecommend, loadCapacity]) verb(load, cli);
  queueCommand(program, cli);
  emergencyStop(program, cli);
  emergencyResume(program, cli);
  const report = group('report', 'figures over time');
  for (const verb of [reportCompliance]) verb(report, cli);
  const keys = group('keys', 'keys of the repository');
  for (const verb of [keysInit, keysList, keysAddRecipient, keysKit]) verb(keys, cli);
  const catalog = group('catalog', 'the index of all backups');
  for (const verb of [catalogRebuild, catalogAudit]) verb(catalog, cli);
  migrateCommand(program, cli);
  const access = group('access', 'tokens and roles');
  for (const verb of [accessToken, accessList]) verb(access, cli);
  const config = group('config', 'the configuration file');
  for (const verb of [configCheck, configSchemaCommand, configExample]) verb(config, cli);
  completion(program, cli);
  return program;
}
