import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../../catalog/types';
import type { HoldfastClient, RunSummary } from '../../client/types';
import type { BackupProgress } from '../../domain/progress';
import type { BackupResult } from '../../domain/runs';
import { demoError } from '../../errors/demo';
import { replicateId, verifyId } from '../../workflows/ids';
import { formatCount, formatDuration } from '../output/format';
import type { ProgressView } from '../output/progress';
import { dumpShare } from '../watch-backup';
import { outageFaults, statesOf, timeline, type DemoOutage } from './outage-facts';
import { demoBackup, faultsOf, type DemoBackup } from './result';
import type { StoreServer } from './store-servers';

const LOOK_MS = 500;
/** Lists of runs are a moment behind the runs. */
const LIST_MS = 60_000;
/** A store that was down is tried again with growing pauses. */
const FILL_MS = 15 * 60_000;

export interface OutageOptions {
  readonly client: HoldfastClient;
  readonly catalog: Catalog;
  readonly database: string;
  /** All stores of the database. */
  readonly stores: readonly string[];
  /** The one that is taken down. */
  readonly store: string;
  readonly server: StoreServer;
  readonly view: ProgressView;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Takes a store down in the middle of a dump, brings it back when the run has ended without it, and watches what becomes
 * of the backup. All that it reports was read from Temporal or the catalogue.
 */
export class Outage {
  #downAt: string | null = null;
  #upAt: string | null = null;
  #share: number | null = null;
  #read: number | null = null;
  #statesSeen: string[] = [];
  #dumps: number | null = null;
  #compliance: DemoOutage['compliance'] = [];

  constructor(private readonly options: OutageOptions) {}

  /** What was seen so far; null before the store went down. */
  get facts(): DemoOutage | null {
    if (this.#downAt === null) return null;
    return {
      store: this.options.store,
      downAt: this.#downAt,
      upAt: this.#upAt,
      statesSeen: [...this.#statesSeen],
      dumps: this.#dumps,
      compliance: this.#compliance,
    };
  }

  /** Is shown each progress report of the run. The store goes down once rows are seen to flow. */
  async see(progress: BackupProgress): Promise<void> {
    if (this.#downAt !== null) return this.#look(progress.backupId);
    const read = progress.dump?.plainBytes ?? 0;
    if (progress.phase !== 'dumping') return;
    if (this.#read !== null && read > this.#read) await this.#takeDown(progress);
    this.#read ??= read;
  }

  /** After the run: it is to have ended well with one copy fewer. Returns the run, as Temporal lists it. */
  async endedWithout(backup: BackupResult): Promise<RunSummary> {
    const { store, stores, say } = this.options;
    const { without } = statesOf(stores);
    if (this.#downAt === null) throw failed(`the dump was over before ${store} could be taken down`);
    const others = stores.filter((name) => name !== store);
    const faults = faultsOf(backup, others);
    if (faults.length > 0) throw failed(faults.join('; '));
    const copy = backup.copies.find((one) => one.store === store);
    if (copy?.state === 'complete' || copy?.state === 'proved')
      throw failed(`${store} has its copy although it was down`);
    const run = await this.#until(LIST_MS, `no run is listed with ${without} copies`, async () =>
      (await this.#runs()).find(({ status, copies }) => status === 'completed' && copies === without),
    );
    say(`the run ended well with ${without}: proved exact at ${others.join(' and ')}, ${store} has to wait`);
    return run;
  }

  /** Starts the server again, and waits until all copies are proved. Returns the backup as it is then. */
  async mend(backup: BackupResult): Promise<DemoBackup> {
    const { server, store, stores, say, view } = this.options;
    await server.bringBack();
    this.#upAt = new Date().toISOString();
    say(`${store} answers again; from here on nothing is done by hand`);
    const whole = await this.#until(FILL_MS, `${store} was not filled and proved`, () => this.#whole(backup));
    view.stop();
    await this.#gather(backup.backupId);
    const faults = outageFaults(this.facts, whole, stores);
    if (faults.length > 0) throw failed(faults.join('; '));
    say(`${this.#statesSeen.at(-1)}, all proved exact; dumps that were taken for it: ${this.#dumps}`);
    return whole;
  }

  /** How it went, one line an event, from the catalogue. */
  async timeline({ backupId }: BackupResult, run: RunSummary): Promise<readonly string[]> {
    const { catalog, store } = this.options;
    const proofs = await catalog.proofs({ backupId });
    const events = await catalog.storeEvents({ store, since: new Date(this.#downAt!) });
    return timeline({
      outage: this.facts!,
      share: this.#share,
      run: { endedAt: (run.closedAt ?? new Date()).toISOString(), copies: run.copies ?? '' },
      proofs: proofs.map((proof) => ({
        store: proof.store,
        grade: proof.grade,
        at: new Date(Date.parse(proof.startedAt) + proof.durationMs).toISOString(),
      })),
      events: events.toReversed(),
    });
  }

  async #takeDown(progress: BackupProgress): Promise<void> {
    const { client, database, server, store, say } = this.options;
    this.#downAt = new Date().toISOString();
    this.#share = dumpShare(progress);
    await server.takeDown();
    say(`${store} is down: its server was killed in the middle of the dump`);
    await client.setPace(database, { maxBytesPerSecond: null, readers: null }, 'demo', 'no limit');
  }

  /** What the catalogue says of the backup's copies now; a change is noted. */
  async #look(backupId: string): Promise<void> {
    const [now] = await this.options.catalog.compliance({ backupId });
    if (!now || now.state === this.#statesSeen.at(-1)) return;
    this.#statesSeen.push(now.state);
    const why = now.missing.map(({ sentence }) => sentence).join(', ');
    this.options.say(`the catalogue has ${now.state}${why === '' ? ': the policy is met' : `: ${why}`}`);
  }

  async #whole(backup: BackupResult): Promise<DemoBackup | null> {
    const { catalog, stores } = this.options;
    await this.#look(backup.backupId);
    await this.#showWork(backup.backupId);
    const copies = await catalog.copies({ backupId: backup.backupId });
    const all = stores.every((store) => copies.find((copy) => copy.store === store)?.grade === 'exact');
    if (!all || this.#statesSeen.at(-1) !== statesOf(stores).whole) return null;
    return { ...demoBackup(backup), copies: copies.map(({ store, state, grade }) => ({ store, state, grade })) };
  }

  async #showWork(backupId: string): Promise<void> {
    const { client, database, store, view } = this.options;
    const ids = [verifyId(database, backupId, store), replicateId(database, backupId, store)];
    const [proof, fill] = await Promise.all(ids.map((id) => client.activityProgress(id).catch(() => null)));
    const step = proof ?? fill ?? null;
    const words = step ? `${step.step} ${formatCount(step.done)}/${formatCount(step.total)}` : 'waiting';
    const line = `${store} · ${words} · ${formatDuration(Date.now() - Date.parse(this.#upAt ?? ''))} since it is back`;
    view.show({ block: [line], line, key: `outage/${step?.step ?? ''}`, data: step });
  }

  async #gather(backupId: string): Promise<void> {
    const { catalog, client, database } = this.options;
    this.#compliance = (await catalog.complianceHistory({ database }))
      .filter((row) => row.backupId === backupId)
      .map(({ at, state, proved, compliant }) => ({ at: at.toISOString(), state, proved, compliant }));
    let dumps = 0;
    for (const run of await this.#runs()) dumps += await client.dumpAttempts(run.workflowId, run.runId);
    this.#dumps = dumps;
  }

  /** Those that may have dumped: all of the database so far, since the demo began with none. */
  async #runs(): Promise<readonly RunSummary[]> {
    const { client, database } = this.options;
    return (await client.runs({ database, limit: 200 })).filter(({ type }) => type === 'backup');
  }

  async #until<T>(ms: number, fact: string, look: () => Promise<T | null | undefined>): Promise<T> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = await look();
      if (found) return found;
      if (Date.now() > deadline) throw failed(`${fact} within ${formatDuration(ms)}`);
      await sleep(LOOK_MS, undefined, { signal: this.options.signal });
    }
  }
}

function failed(fact: string) {
  return demoError('DEMO_OUTAGE_FAILED', fact);
}
