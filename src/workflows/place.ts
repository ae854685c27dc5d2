/** A run's place among the heavy work of all workers: it asks for one, waits for its turn, and gives it back. */
import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Turn } from '../domain/messages';
import type { HeavyAsk, OwnPlace } from '../domain/load/places';
import type { HeavyOperation } from '../domain/load/queue';
import { heavyWorkIdFor } from './ids';
import { giveBackSignal, placeQuery, turnSignal } from './messages';
import { turns } from './proxies';

/** Where not even asking works. Milliseconds. */
const UNASKED = { againMs: 60_000, patienceMs: 600_000 };
const UNASKED_RESTORE = { againMs: 5_000, patienceMs: 5_000 };
/** While it is answered a run that waits asks again after ever longer, up to so many times the first wait. */
const LONGEST_AGAIN = 5;

export interface PlaceOptions extends Pick<HeavyOperation, 'kind' | 'database'> {
  /** Told what the run waits for; null: for nothing any more. */
  readonly show: (waiting: string | null) => void;
  /** Told when the run goes on without a place because nobody gave it any word. */
  readonly unheard: (text: string) => void;
}

export class Place {
  private state: OwnPlace['state'] = 'none';
  private ask: HeavyAsk | null = null;
  private askedAt = 0;
  /** The highest sequence of `heavyWork` that was heard. */
  private heard = 0;
  private heardAt = 0;
  /** It went on although nobody gave it a place. */
  private unheard = false;
  /** Called when the place is taken back. */
  private onLost: (() => void) | null = null;

  /** Before the run first waits, so that nothing that is told is lost. */
  constructor(private readonly options: PlaceOptions) {
    setHandler(turnSignal, (turn) => this.told(turn), {
      description: 'From heavyWork: whether it is the turn of this run',
    });
    setHandler(placeQuery, () => ({ state: this.state, ask: this.ask }), {
      description: 'Whether this run holds a place among the heavy work, or waits for one',
    });
  }

  /** Resolves when the run may do heavy work: its turn came, or nobody answers. */
  async take(): Promise<void> {
    const began = Date.now();
    if (this.state === 'none') {
      this.askedAt = Math.max(began, this.askedAt + 1);
      this.state = 'waits';
      this.unheard = false;
    }
    this.heardAt = began;
    try {
      let waitMs: number | null = null;
      while (!this.holds) {
        const heard = this.heard;
        const { againMs, patienceMs } = await this.askAgain();
        waitMs ??= againMs;
        const summary = `Wait for a place for the ${this.options.kind} of ${this.options.database}`;
        if (await condition(() => this.holds, waitMs, { summary })) break;
        if (this.heard !== heard) waitMs = Math.min(waitMs * 2, againMs * LONGEST_AGAIN);
        else waitMs = againMs;
        if (Date.now() - this.heardAt >= patienceMs) {
          this.goOnWithout();
          break;
        }
      }
    } catch (error) {
      await CancellationScope.nonCancellable(() => this.giveBack());
      throw error;
    }
    this.options.show(null);
  }

  /** Does `work` while the run holds a place. When that is taken back the work is given up, and begun again at the next turn. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      for (;;) {
        await this.take();
        const scope = new CancellationScope();
        let lost = false;
        this.onLost = () => {
          lost = true;
          scope.cancel();
        };
        try {
          return await scope.run(work);
        } catch (error) {
          if (!lost || !isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
        } finally {
          this.onLost = null;
        }
      }
    } finally {
      await CancellationScope.nonCancellable(() => this.giveBack());
    }
  }

  /** May be called at any time; nothing happens where no place is held or asked for. */
  async giveBack(): Promise<void> {
    if (this.state === 'none') return;
    this.state = 'none';
    this.options.show(null);
    const { workflowId: id, runId, taskQueue } = workflowInfo();
    try {
      const ref = { id, runId, askedAt: this.askedAt };
      await getExternalWorkflowHandle(heavyWorkIdFor(taskQueue)).signal(giveBackSignal, ref);
    } catch (error) {
      // Nobody keeps places now; whoever keeps them next asks the runs themselves.
      if (isCancellation(error)) throw error;
    }
  }

  private get holds(): boolean {
    return this.state === 'holds';
  }

  private async askAgain(): Promise<{ readonly againMs: number; readonly patienceMs: number }> {
    const { kind, database } = this.options;
    try {
      const answer = await turns().askTurn.executeWithOptions({ summary: `Ask for a place: ${kind} of ${database}` }, [
        { kind, database, askedAt: this.askedAt },
      ]);
      this.ask = answer.ask;
      return answer;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return kind === 'restore' ? UNASKED_RESTORE : UNASKED;
    }
  }

  private told({ askedAt, sequence, granted, text }: Turn): void {
    if (askedAt !== this.askedAt || sequence <= this.heard || this.state === 'none') return;
    this.heard = sequence;
    this.heardAt = Date.now();
    if (granted) {
      this.state = 'holds';
      return;
    }
    // Only a proof can be given up and begun again for nothing but its time.
    if (this.holds && (this.unheard || this.onLost === null)) return;
    this.state = 'waits';
    this.options.show(text);
    this.onLost?.();
  }

  private goOnWithout(): void {
    // Held all the same, so that it is given back.
    this.state = 'holds';
    this.unheard = true;
    const text = 'goes on without a place among the heavy work: nobody said whose turn it is';
    log.warn(text, { database: this.options.database });
    this.options.unheard(text);
  }
}
