/**
 * When a backup may begin to read: once its calendar and the impact breaker let it, and it has a place among the heavy work of
 * all workers. Until then it reads nothing. It keeps the lock of its database meanwhile, so what it builds on stays there.
 */
import { condition, patched } from '@temporalio/workflow';
import type { BackupPlan } from '../activities/types';
import { FULL_PACE, LOAD_WATCH } from '../domain/pace';
import type { BackupRun } from './backup-state';
import { Place } from './place';
import { mayGoOn } from './take-dump';

/** Asked again after this at the latest: the configuration, or the breaker, may be another by then. */
const LOOK_MS = 15 * 60_000;
/** A place that came sooner needs no second look at the calendar and the stores. */
const SOON_MS = 30_000;

export class StartTurn {
  private readonly place: Place;
  private queued = false;
  /** The sequence of the pace when the plan was asked for: of a later word the plan may not know. */
  private askedUnder: number;

  constructor(private readonly run: BackupRun) {
    this.place = new Place({
      kind: 'backup',
      database: run.input.database,
      show: (reason) => run.waitFor(reason === null ? null : { reason, until: null, for: 'place' }),
      unheard: (text) => run.notice(`it ${text}`),
    });
    this.askedUnder = run.pace.sequence;
  }

  /** The plan to go by, which `askAgain` makes anew after a wait. */
  async await(first: BackupPlan, askAgain: (before: BackupPlan) => Promise<BackupPlan>): Promise<BackupPlan> {
    const { run, place } = this;
    const again = (before: BackupPlan) => {
      this.askedUnder = run.pace.sequence;
      return askAgain(before);
    };
    let plan = first;
    // A run that was admitted by an earlier release asks nobody.
    if (plan.start === undefined) return plan;
    this.queued = true;
    if (run.input.now === true)
      run.notice(`${run.input.requestedBy} asked for it now, whatever its calendar and the impact breaker say`);
    for (;;) {
      if (this.mustWait(plan)) {
        await this.opening(plan);
        plan = await again(plan);
        continue;
      }
      const began = Date.now();
      // Of a run that waits for its time the load watch takes no notice, so it could not end a pause of its own.
      run.waitFor(null);
      if (run.pace.paused) await mayGoOn(run);
      await place.take();
      if (Date.now() - began < SOON_MS) break;
      plan = await again(plan);
      if (!this.mustWait(plan)) break;
      await place.giveBack();
    }
    this.beginTrial(plan);
    return plan;
  }

  /** Does something that needs no place, such as standing still, and takes one again. */
  async aside(work: () => Promise<void>): Promise<void> {
    await this.place.giveBack();
    await work();
    if (this.queued) await this.place.take();
  }

  /** The dump is on record, or the run has failed. */
  over(): Promise<void> {
    return this.place.giveBack();
  }

  private mustWait({ start }: BackupPlan): boolean {
    const wait = start?.wait;
    return wait !== null && wait !== undefined && (wait.strict || !this.run.mayStartAnyhow);
  }

  private async opening({ start }: BackupPlan): Promise<void> {
    const { run } = this;
    const { reason, until, strict } = start!.wait!;
    run.waitFor({ reason, until, for: strict ? 'stop' : 'opening' });
    const sequence = patched('told-since-asked') ? this.askedUnder : run.pace.sequence;
    // Whoever takes a stop back tells every run to go on, perhaps while admission was being asked.
    const told = () => (strict ? run.pace.sequence !== sequence : run.mayStartAnyhow);
    const ms = Math.min(LOOK_MS, until === null ? LOOK_MS : Date.parse(until) - Date.now());
    const summary = until === null ? reason : `Until ${until}: ${reason}`;
    await condition(told, Math.max(1_000, ms), { summary });
  }

  /** The load watch takes it from there; until its first word the run is no faster. */
  private beginTrial({ start }: BackupPlan): void {
    const { run } = this;
    this.run.waitFor(null);
    if (!start?.trial || run.mayStartAnyhow) return;
    const reason = 'the impact breaker tries whether the database bears a backup again';
    run.notice(`${reason}: this run is its trial`);
    run.ask({ ...FULL_PACE, ...start.trial, reason, setBy: LOAD_WATCH, sequence: run.pace.sequence + 1 });
  }
}
