import { condition, isCancellation, sleep } from '@temporalio/workflow';

const AFTER_FAILURE_MS = 30_000;

export interface OutboxOptions<One> {
  /** Puts one on record. */
  readonly record: (one: One) => Promise<unknown>;
  /** Says in the history why it is waited. */
  readonly failed: string;
  /** Of more, the oldest are forgotten. @default all are kept */
  readonly most?: number;
}

/**
 * What is to be put on record, told beside the run, one after the other: a catalogue that is down for an hour holds nothing
 * up. Each leaves the list when it is on record.
 */
export class Outbox<One> {
  private telling = false;

  /** `untold`: what an earlier run could not tell. */
  constructor(
    private untold: readonly One[],
    private readonly options: OutboxOptions<One>,
  ) {
    this.tell();
  }

  get left(): readonly One[] {
    return this.untold;
  }

  add(more: readonly One[]): void {
    this.untold = [...this.untold, ...more].slice(-(this.options.most ?? Infinity));
    this.tell();
  }

  /** At the end of a run: until all is told, but not for long. */
  async settle(): Promise<void> {
    await condition(() => this.untold.length === 0, AFTER_FAILURE_MS);
  }

  private tell(): void {
    if (this.telling || this.untold.length === 0) return;
    this.telling = true;
    void this.tellAll().then(
      () => {
        this.telling = false;
        // What came in at the very end.
        this.tell();
      },
      () => void (this.telling = false),
    );
  }

  private async tellAll(): Promise<void> {
    for (let one = this.untold[0]; one !== undefined; one = this.untold[0]) {
      const told = one;
      try {
        await this.options.record(told);
        this.untold = this.untold.filter((other) => other !== told);
      } catch (error) {
        if (isCancellation(error)) throw error;
        await sleep(AFTER_FAILURE_MS, { summary: this.options.failed });
      }
    }
  }
}
