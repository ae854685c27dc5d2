/** What a backup run knows of itself: the state behind the `progress` query, the search attributes and the card. */
import { log, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { complianceOf, everyStore, type Compliance } from '../domain/compliance';
import {
  isCurrentAttempt,
  type Attached,
  type AttemptRef,
  type CopyChanged,
  type DumpProgressed,
  type PaceApplied,
  type StartNow,
} from '../domain/messages';
import { gradeAtLeast, type BackupPhase, type BackupType, type ProofGrade } from '../domain/names';
import { FULL_PACE, isAutomatic, nextPace, paceWord, type Pace } from '../domain/pace';
import {
  finishedDump,
  type BackupProgress,
  type CopyStatus,
  type DumpProgress,
  type Waiting,
} from '../domain/progress';
import type { BackupInput, BackupResult } from '../domain/runs';
import type { BackupPlan, DumpResult } from '../activities/types';
import { backupCard } from './card';
import { attributes, type AttributeValues } from './search-attributes';

export class BackupRun {
  type: BackupType;
  phase: BackupPhase = 'admitting';
  pace: Pace = FULL_PACE;
  /** The attempt that dumps now, as it introduced itself; null while none is known. */
  host: Attached | null = null;
  basedOn: string | null = null;
  dumpResult: DumpResult | null = null;
  /** Told since stores were last asked for. */
  storeCameBack = false;
  readonly notices: string[] = [];
  private readonly copies = new Map<string, CopyStatus>();
  /** Stores that are tried again later: nobody waits for them. */
  private readonly late = new Set<string>();
  private rule: Pick<BackupPlan, 'policy' | 'places'> = {};
  private attempting = false;
  /** The highest sequence that people have used. */
  private said = 0;
  private latest: AttemptRef | null = null;
  private dumpProgress: DumpProgress | null = null;
  private applied: { readonly sequence: number; readonly at: string | null } = {
    sequence: FULL_PACE.sequence,
    at: null,
  };
  private waiting: Waiting | null = null;
  /** Somebody lets it start, whatever its calendar and the impact breaker say. */
  private letGo: boolean;
  private error: { readonly type: string; readonly message: string } | null = null;
  private shown: AttributeValues = {};

  constructor(
    readonly input: BackupInput,
    readonly backupIdOf: (type: BackupType) => string,
    readonly startedAt: Date,
  ) {
    this.type = input.type;
    this.letGo = input.now === true;
    this.show();
  }

  get backupId(): string {
    return this.backupIdOf(this.type);
  }

  enter(phase: BackupPhase): void {
    this.phase = phase;
    log.info('backup enters phase', { database: this.input.database, backupId: this.backupId, phase });
    this.show();
  }

  /** A target that is not newer changes nothing, so doubled and late signals do no harm; a person's word beats a rule's. */
  ask(pace: Pace): void {
    const next = nextPace(this.pace, pace, { said: this.said, now: Date.now() });
    if (!isAutomatic(pace)) this.said = Math.max(this.said, pace.sequence);
    if (next === this.pace) return;
    this.pace = next;
    this.show();
  }

  attached(message: Attached): void {
    if (!isCurrentAttempt(this.latest, message)) return;
    this.latest = message;
    this.host = message;
    this.applied = { sequence: message.paceSequence, at: null };
    this.show();
  }

  dumped(message: DumpProgressed): void {
    if (!isCurrentAttempt(this.latest, message)) return;
    this.latest = message;
    this.dumpProgress = message.progress;
    // Also finds an attempt again whose process did not answer for a while.
    this.host ??= { ...message, workerIdentity: '', paceSequence: message.progress.pace.sequence };
    this.show();
  }

  paceApplied(done: PaceApplied): void {
    if (done.sequence >= this.applied.sequence) this.applied = { sequence: done.sequence, at: done.at };
    this.show();
  }

  /** True while a process dumps under another pace than the one asked for. */
  get paceIsBehind(): boolean {
    return this.host !== null && this.pace.sequence > this.applied.sequence;
  }

  copy(change: CopyStatus & { readonly waiting?: boolean }): void {
    const { store, state, grade, detail } = change;
    this.copies.set(store, { store, state, grade, detail });
    if (change.waiting) this.late.add(store);
    else this.late.delete(store);
    this.show();
  }

  copyChanged(message: CopyChanged): void {
    this.copy(message);
  }

  copyOf(store: string): CopyStatus | undefined {
    return this.copies.get(store);
  }

  /** True when nobody needs to wait for this store: it is filled, or will be tried again later. */
  settled(store: string): boolean {
    const state = this.copies.get(store)?.state;
    return this.late.has(store) || (state !== 'pending' && state !== 'copying');
  }

  get grade(): ProofGrade | null {
    return [...this.copies.values()].reduce<ProofGrade | null>(
      (best, { grade }) => (grade !== null && (best === null || gradeAtLeast(grade, best)) ? grade : best),
      null,
    );
  }

  judgeBy({ policy, places }: Pick<BackupPlan, 'policy' | 'places'>): void {
    this.rule = { policy, places };
  }

  /** What there is of the copies that are wanted, once there is a backup; without a policy every store is to have one. */
  get compliance(): Compliance | null {
    const { policy, places } = this.rule;
    if (places === undefined || this.dumpResult === null) return null;
    return complianceOf(policy ?? everyStore(places), places, [...this.copies.values()]);
  }

  /** What holds the run up now; null: nothing does. */
  waitFor(what: Waiting | null): void {
    const { reason, until } = this.waiting ?? {};
    if (reason === what?.reason && until === what?.until) return;
    if (what !== null && this.waiting?.for !== what.for)
      log.warn('backup waits', { database: this.input.database, what: what.reason });
    this.waiting = what;
    this.show();
  }

  /** True while it waits for its calendar, or for the impact breaker. */
  get waitsForOpening(): boolean {
    return this.waiting?.for === 'opening';
  }

  get mayStartAnyhow(): boolean {
    return this.letGo;
  }

  /** A person's word; it stays in the history and among the notices. */
  startNow({ by, why }: StartNow): void {
    if (this.letGo || this.phase !== 'admitting') return;
    this.letGo = true;
    this.notice(`${by} let it start now, whatever its calendar and the impact breaker say${why ? `: ${why}` : ''}`);
  }

  notice(text: string): void {
    if (!this.notices.includes(text)) this.notices.push(text);
    this.show();
  }

  failed(error: { readonly type: string; readonly message: string }): void {
    this.error = error;
    this.enter('failed');
  }

  /** A dump is about to be scheduled; whoever takes it up starts under the pace of now. */
  attempt(): void {
    this.attempting = true;
    this.applied = { sequence: this.pace.sequence, at: null };
  }

  /** No attempt dumps any more: nothing reads, whatever the pace. */
  detach(): void {
    this.attempting = false;
    this.host = null;
  }

  progress(): BackupProgress {
    return {
      database: this.input.database,
      backupId: this.backupId,
      type: this.type,
      phase: this.phase,
      startedAt: this.startedAt.toISOString(),
      dump: this.dumpProgress && this.dumpResult ? finishedDump(this.dumpProgress, this.dumpResult) : this.dumpProgress,
      copies: [...this.copies.values()],
      compliance: this.compliance,
      pace: this.pace,
      paceApplied: this.applied.sequence >= this.pace.sequence || (this.host === null && !this.attempting),
      paceAppliedAt: this.applied.sequence >= this.pace.sequence ? this.applied.at : null,
      waiting: this.waiting,
      error: this.error,
    };
  }

  result(): BackupResult {
    const dump = this.dumpResult!;
    return {
      database: this.input.database,
      backupId: this.backupId,
      type: this.type,
      basedOn: this.basedOn,
      grade: this.grade,
      rows: dump.rows,
      plainBytes: dump.plainBytes,
      sealedBytes: dump.sealedBytes,
      uploadedBytes: dump.uploadedBytes,
      reusedBytes: dump.reusedBytes,
      segments: dump.segments,
      durationMs: Date.now() - this.startedAt.getTime(),
      copies: [...this.copies.values()],
      notices: [...this.notices],
    };
  }

  /** Search attributes cost history, so only those that changed are sent; the card costs nothing. */
  private show(): void {
    const now: AttributeValues = {
      database: this.input.database,
      backupId: this.backupId,
      type: this.type,
      phase: this.phase,
      pace: paceWord(this.pace),
      grade: this.grade ?? 'none',
      ...(this.compliance === null ? {} : { copies: this.compliance.state }),
    };
    const changed = Object.entries(now).filter(([name, value]) => this.shown[name as keyof AttributeValues] !== value);
    if (changed.length > 0) upsertSearchAttributes(attributes(Object.fromEntries(changed)));
    this.shown = now;
    setCurrentDetails(
      backupCard(this.progress(), {
        requestedBy: this.input.requestedBy,
        host: this.host,
        notices: this.notices,
        result: this.dumpResult,
      }),
    );
  }
}
